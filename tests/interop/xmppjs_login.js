// A client on xmpp.js: SASL2, Bind 2, stream management and tokens, as a program of today logs in. Says what happens as
// lines of JSON; ends with 0 when all of it went well. Started by xmppjs_login.py.

import { pathToFileURL } from "node:url";

const { XMPPJS, SERVICE, PASSWORD } = process.env;
const { WebSocket } = await import(pathToFileURL(`${XMPPJS}/ws/wrapper.mjs`).href);
globalThis.WebSocket = WebSocket;
const { client, xml } = await import(pathToFileURL(`${XMPPJS}/@xmpp/client/index.js`).href);

const say = (what, more = {}) => console.log(JSON.stringify({ what, ...more }));
const wait = (emitter, name) =>
  new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error(`${name} does not come`)), 15_000).unref();
    emitter.once(name, resolve);
  });

// xmpp.js may miss the answer to its stream header when that is quick, and wait for it although it goes on: what counts is
// that it is online.
const start = async (entity) => {
  const online = wait(entity, "online");
  const failed = entity.start().then(() => online, (error) => (error.name === "TimeoutError" ? online : Promise.reject(error)));
  return Promise.race([online, failed]);
};

function open(id, token) {
  const credentials = (authenticate, mechanisms, fast) => {
    const user = { username: "romeo", password: PASSWORD, token: kept.token };
    kept.mechanism = fast?.mechanism;
    return authenticate(user, mechanisms[0], xml("user-agent", { id }));
  };
  const kept = { token };
  const entity = client({ service: SERVICE, domain: "localhost", resource: "xmpp.js", credentials });
  entity.timeout = 15_000;
  entity.fast.saveToken = async (token) => (kept.token = token);
  entity.fast.deleteToken = async () => (kept.token = null);
  entity.on("error", (error) => say("error", { error: String(error) }));
  const sent = [], heard = [];
  entity.on("send", (element) => sent.push(element));
  entity.on("element", (element) => heard.push(element));
  return { entity, kept, sent, heard };
}

const tried = (sent) => sent.filter((e) => e.name === "authenticate").map((e) => e.attrs.mechanism);
const inside = (heard, name, ns) =>
  heard.filter((e) => e.name === "success").flatMap((e) => e.getChildElements()).filter((e) => e.is(name, ns));

const phone = "d4565fa7-4d72-4749-b3d3-740edbf87770";

// The first login: password, resource, stream management, token.
const first = open(phone);
const jid = String(await start(first.entity));
say("online", { jid, tried: tried(first.sent), names: first.heard.map((e) => e.name) });
say("bound", { bound: inside(first.heard, "bound", "urn:xmpp:bind:0").length, token: Boolean(first.kept.token) });
say("managed", { enabled: first.entity.streamManagement.enabled });
await first.entity.send(xml("presence"));

// The socket breaks; xmpp.js comes back by itself and resumes.
const resumed = wait(first.entity.streamManagement, "resumed");
const message = new Promise((resolve) =>
  first.entity.on("stanza", (e) => e.is("message") && e.getChildText("body") === "meanwhile" && resolve()));
first.heard.length = first.sent.length = 0;
const { socket } = first.entity.socket;
socket.terminate ? socket.terminate() : socket.destroy();
say("cut");
await resumed;
say("resumed", { jid: String(first.entity.jid), tried: tried(first.sent) });
await message;
say("heard");
await first.entity.stop();

// Another day: the token is enough.
const second = open(phone, first.kept.token);
await start(second.entity);
say("by token", { jid: String(second.entity.jid), tried: tried(second.sent) });
await second.entity.stop();

// Somebody has stolen the token, but not the device: the password must do, on the same stream.
const thief = open("00000000-0000-4000-8000-000000000000", first.kept.token);
await start(thief.entity);
say("stolen", { tried: tried(thief.sent), failures: thief.heard.filter((e) => e.name === "failure").length });
await thief.entity.stop();
say("done");
process.exit(0);

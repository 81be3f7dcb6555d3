"""A headless Chromium, spoken to by the DevTools protocol over a pipe."""

import base64
import itertools
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from rialto import Failed, check

PATIENCE = 60.0


class Chromium:
    """`with Chromium() as browser:` has one page. Certificates are not looked at: the server's CA is nobody's."""

    def __init__(self, size=(1200, 700)):
        self.folder = Path(tempfile.mkdtemp(prefix="chromium-"))
        self.size = size
        self.numbers = itertools.count(1)
        self.says = []

    def __enter__(self):
        to_browser, ours_out = os.pipe()
        ours_in, from_browser = os.pipe()

        def pipes():
            # Chromium reads from 3 and writes to 4.
            spare = [os.dup(to_browser), os.dup(from_browser)]
            os.dup2(spare[0], 3)
            os.dup2(spare[1], 4)

        self.process = subprocess.Popen(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--ignore-certificate-errors", "--remote-debugging-pipe", f"--user-data-dir={self.folder}",
             f"--window-size={self.size[0]},{self.size[1]}", "--hide-scrollbars", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=(self.folder / "log").open("wb"),
            close_fds=False, preexec_fn=pipes, start_new_session=True)
        os.close(to_browser)
        os.close(from_browser)
        self.out, self.input = os.fdopen(ours_out, "wb", 0), os.fdopen(ours_in, "rb")
        self.answers, self.news = {}, threading.Condition()
        threading.Thread(target=self._listen, daemon=True).start()
        self.page = None
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.page = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "DOM", "Log"):
            self.ask(f"{domain}.enable")
        return self

    def _listen(self):
        line = b""
        while part := self.input.read1(65536):
            *whole, line = (line + part).split(b"\0")
            for each in map(json.loads, whole):
                with self.news:
                    if "id" in each:
                        self.answers[each["id"]] = each
                    elif each.get("method") in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"):
                        self.says.append(json.dumps(each["params"])[:600])
                    self.news.notify_all()

    def ask(self, method, **parameters):
        """One command, and its result."""
        number = next(self.numbers)
        command = {"id": number, "method": method, "params": parameters}
        if self.page:
            command["sessionId"] = self.page
        self.out.write(json.dumps(command).encode() + b"\0")
        with self.news:
            if not self.news.wait_for(lambda: number in self.answers, PATIENCE):
                raise Failed(f"Chromium does not answer {method}")
            answer = self.answers.pop(number)
        if "error" in answer:
            raise Failed(f"{method}: {answer['error']}")
        return answer["result"]

    def go(self, url):
        """Opens a page."""
        self.ask("Page.navigate", url=url)

    def evaluate(self, script):
        """What a script gives."""
        result = self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in result:
            raise Failed(f"{script}: {result['exceptionDetails'].get('exception', {}).get('description')}")
        return result["result"].get("value")

    def wait_for(self, says, script, patience=PATIENCE):
        """Until a script gives something true."""
        until = time.monotonic() + patience
        while time.monotonic() < until:
            if value := self.evaluate(script):
                check(True, says)
                return value
            time.sleep(0.1)
        heard = "\n  ".join(self.says[-25:])
        check(False, f"{says}; the page says\n  {heard}\n{self.evaluate('document.body.innerText')}")

    def type(self, text):
        """Types into what has the focus, and presses Enter."""
        self.ask("Input.insertText", text=text)
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", text="\r" if kind == "keyDown" else "",
                     windowsVirtualKeyCode=13, nativeVirtualKeyCode=13)

    def choose_file(self, selector, file):
        """As if a person had chosen a file."""
        root = self.ask("DOM.getDocument")["root"]["nodeId"]
        node = self.ask("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.ask("DOM.setFileInputFiles", files=[str(file)], nodeId=node)

    def picture(self, file):
        """What the page looks like."""
        Path(file).write_bytes(base64.b64decode(self.ask("Page.captureScreenshot", format="png")["data"]))

    def __exit__(self, kind, error, trace):
        if kind is not None:
            print("---- the page's console", *self.says[-30:], sep="\n")
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class Pages:
    """`with Pages(folder) as url:` serves a folder to the browser."""

    def __init__(self, folder):
        class Quiet(SimpleHTTPRequestHandler):
            def __init__(self, *arguments):
                super().__init__(*arguments, directory=str(folder))

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Quiet)

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

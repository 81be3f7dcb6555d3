"""A TCP proxy that treats connections badly: it cuts them, holds them up, and tears what they carry into pieces."""

import asyncio

from rialto import free_port


class Proxy:
    """Stands before a port of the loopback address. `random` decides all, so that a run can be repeated."""

    def __init__(self, target, random, watch=None):
        self.target, self.random, self.watch = target, random, watch
        self.port = free_port()
        self.open = set()
        self.flows = asyncio.Event()
        self.flows.set()
        self.cuts = self.stalls = 0

    async def start(self):
        self.server = await asyncio.start_server(self._connection, "127.0.0.1", self.port)
        return self

    async def stop(self):
        self.server.close()
        self.cut()

    def cut(self):
        """Breaks every connection, half of them without a word."""
        self.cuts += bool(self.open)
        for near, far in list(self.open):
            for writer in (near, far):
                writer.transport.abort() if self.random.random() < 0.5 else writer.close()

    async def stall(self, seconds):
        """Nothing passes for a while, and nobody is told."""
        self.stalls += 1
        self.flows.clear()
        await asyncio.sleep(seconds)
        self.flows.set()

    async def _connection(self, near_reader, near):
        # Who knocks first need not be let in first.
        await asyncio.sleep(self.random.random() * 0.05)
        try:
            far_reader, far = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            near.transport.abort()
            return
        pair = (near, far)
        self.open.add(pair)
        ways = [asyncio.ensure_future(self._pump(near_reader, far, False)), asyncio.ensure_future(self._pump(far_reader, near, True))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            pass  # the script ends
        finally:
            for way in ways:
                way.cancel()
            for writer in pair:
                writer.close()
            self.open.discard(pair)

    async def _pump(self, reader, writer, back):
        try:
            while data := await reader.read(65536):
                await self.flows.wait()
                at = self.random.randrange(len(data)) if self.random.random() < 0.2 else 0
                for piece in filter(None, (data[:at], data[at:])):
                    writer.write(piece)
                    await writer.drain()
                    # What a connection has taken that is already ending was never there.
                    if self.watch and back and not writer.is_closing():
                        self.watch(piece)
                    if at:
                        await asyncio.sleep(0)
        except (OSError, asyncio.IncompleteReadError):
            pass

"""What our fake services share: a web server on a loopback port, and answers that never come or are not theirs."""

from aiohttp import web


async def started(app: web.Application) -> tuple[web.AppRunner, str]:
    """Serve it on a free port; what stops it, and its address."""
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}"


def cut_off(request: web.Request) -> web.Response:
    """The connection breaks."""
    if request.transport:
        request.transport.abort()
    return web.Response()


def gateway_page(status: int) -> web.Response:
    """A proxy in between says that something is wrong, in HTML."""
    page = "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
    return web.Response(status=status, text=page, content_type="text/html")

"""The addresses below the page's own that a live stream asks: sound is sent, pictures are the answer."""

from __future__ import annotations

from typing import Any

from w2l.app.guard import VISITOR_HEADER
from w2l.app.live_room import LiveRoom, NoStream
from w2l.app.visitors import Visitors
from w2l.errors import W2LError

_MOST_BYTES = 1 << 21  # of a piece of sound


def routes(visitors: Visitors, room: LiveRoom) -> list[Any]:
    """For the router of the page's application."""
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route

    async def sound(request: Any) -> Any:
        """``POST /live/sound?stream=…&rate=…``, int16 samples as body; see `live_room.packed` for the answer."""
        visitor = visitors.of(request.headers[VISITOR_HEADER])
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > _MOST_BYTES:
                return JSONResponse({"why": "live_broken"}, status_code=413)
        try:
            rate, key = int(request.query_params["rate"]), request.query_params["stream"]
            answer = await run_in_threadpool(room.hear, visitor, key, rate, body)
        except NoStream as over:
            return JSONResponse({"why": over.why}, status_code=410)
        except (KeyError, ValueError, W2LError) as error:
            return JSONResponse({"why": "live_broken", "said": str(error)}, status_code=400)
        return Response(answer, media_type="application/octet-stream", headers={"cache-control": "no-store"})

    async def end(request: Any) -> Any:
        """``POST /live/end``: the visitor's stream is over."""
        await run_in_threadpool(room.end, visitors.of(request.headers[VISITOR_HEADER]))
        return Response(status_code=204)

    return [Route("/live/sound", sound, methods=["POST"]), Route("/live/end", end, methods=["POST"])]

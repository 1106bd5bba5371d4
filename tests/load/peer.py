"""Creates tasks as create-task does, by FastAPI and asyncpg, with the same promises: what it is compared with.

A token (HS256, those found sound are remembered), a limit of requests of each user, row-level security, a key that makes repeating safe, the
event in the same statement as the task with what has changed, a line of log in JSON. The statement is the store's own (STATEMENT), one round
trip. It counts no metrics and keeps no quotas, which create-task does.
"""

import hashlib
import json
import os
import secrets
import socket
import sys
import time
from contextlib import asynccontextmanager
from datetime import datetime, timezone
from typing import Annotated, Literal
from uuid import UUID

import asyncpg
import jwt
import uvicorn
from fastapi import FastAPI, Header, HTTPException, Request, Response
from pydantic import BaseModel, ConfigDict, StringConstraints

STATEMENT = open(os.environ["STATEMENT"], encoding="utf-8").read()
PRIORITIES = {"low": 1, "medium": 2, "high": 3}
ROUTE = "POST /api/tasks"
Tag = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class NewTask(BaseModel):
    model_config = ConfigDict(extra="forbid")
    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
    description: Annotated[str, StringConstraints(max_length=10_000)] | None = None
    due_date: datetime | None = None
    priority: Literal["low", "medium", "high"] = "medium"
    tags: list[Tag] = []


def new_id() -> UUID:
    """Gives a UUIDv7."""
    value = int(time.time() * 1000) << 80 | secrets.randbits(80)
    return UUID(int=value & ~(0xF000 << 64) & ~(0xC << 60) | 0x7000 << 64 | 0x8 << 60)


class Connection(asyncpg.Connection):
    """One that is given back as it is: what asyncpg resets by, a round trip of its own, undoes nothing that a statement here does."""

    def get_reset_query(self) -> str:
        return ""


known: dict[str, tuple[str, int]] = {}


def user_of(authorization: str) -> str:
    """Gives the user of a token."""
    scheme, _, token = authorization.partition(" ")
    found = known.get(token)
    if found and time.time() < found[1]:
        return found[0]
    try:
        if scheme.lower() != "bearer":
            raise HTTPException(401)
        claims = jwt.decode(
            token,
            os.environ["JWT_SECRET"],
            algorithms=["HS256"],
            audience=os.environ["JWT_AUDIENCE"],
            issuer=os.environ["JWT_ISSUER"],
            options={"require": ["exp", "sub"]},
        )
    except jwt.InvalidTokenError as error:
        raise HTTPException(401) from error
    if len(known) >= 4_096:
        known.clear()
    known[token] = (claims["sub"], claims["exp"])
    return claims["sub"]


spent: dict[str, float] = {}


def charge(user: str) -> None:
    """Lets a user through 600 times a minute, as many at once (GCRA)."""
    now = time.monotonic()
    until = max(spent.get(user, now), now) + 60 / 600
    if until > now + 60:
        raise HTTPException(429, headers={"retry-after": "1"})
    spent[user] = until


def log(status: int, user: str, correlation_id: str, traceparent: str, began: float) -> None:
    line = {
        "timestamp": datetime.now(timezone.utc).isoformat(), "level": "INFO", "message": "request", "method": "POST",
        "route": "/api/tasks", "status": status, "duration_ms": (time.monotonic() - began) * 1000,
        "correlation_id": correlation_id, "trace_id": traceparent[3:35], "user_id": user,
    }  # fmt: skip
    sys.stderr.write(json.dumps(line) + "\n")


def shard(key: str) -> int:
    return hashlib.sha256(key.encode()).digest()[0] % 64


def lock(*parts: str) -> int:
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode()
        digest.update(len(raw).to_bytes(8, "big"))
        digest.update(raw)
    return int.from_bytes(digest.digest()[:8], "big", signed=True)


@asynccontextmanager
async def lifespan(app: FastAPI):
    size = int(os.environ["DATABASE_CONNECTIONS"])
    async with asyncpg.create_pool(
        os.environ["DATABASE_URL"], min_size=0, max_size=size, connection_class=Connection
    ) as pool:
        app.state.pool = pool
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/health")
async def health() -> Response:
    return Response('{"status":"ok"}', media_type="application/json")


@app.post("/api/tasks")
async def create(
    request: Request,
    task: NewTask,
    authorization: Annotated[str, Header()],
    idempotency_key: Annotated[str, Header(max_length=255)],
) -> Response:
    began = time.monotonic()
    user = user_of(authorization)
    charge(user)
    fingerprint = hashlib.sha256(await request.body()).digest()
    now = datetime.now(timezone.utc)
    task_id, event_id = new_id(), new_id()
    due = task.due_date.astimezone(timezone.utc) if task.due_date else None
    body = {
        "id": str(task_id),
        "user_id": user,
        "title": task.title,
        "description": task.description,
        "due_date": due.isoformat() if due else None,
        "all_day": False,
        "time_zone": "UTC",
        "priority": task.priority,
        "tags": task.tags,
        "status": "active",
        "reminder_config": None,
        "recurrence_rule": None,
        "reminder_id": None,
        "parent_task_id": None,
        "created_at": now.isoformat(),
        "updated_at": now.isoformat(),
        "completed_at": None,
        "version": 1,
    }
    changes = {name: {"old": None, "new": value} for name, value in body.items() if value is not None}
    payload = {"task": body, "changes": changes, "actor": {"type": "user", "id": user}}
    answer = json.dumps(body).encode()
    headers = {"location": f"/api/tasks/{task_id}", "etag": '"1"'}
    correlation_id = request.headers.get("x-correlation-id") or str(new_id())
    traceparent = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
    values = [
        user, task_id, task.title, task.description, due and due.replace(tzinfo=None), due, False, None, PRIORITIES[task.priority],
        task.tags, "active", None, None, None, None, None, None, now, None, now, None, 1, 0, event_id, "task-events", "task.created",
        str(task_id), str(task_id), shard(str(task_id)), json.dumps(payload), correlation_id, traceparent, "create-task", now,
        [], [], [], [], [], lock(user, ROUTE, idempotency_key), ROUTE, idempotency_key, fingerprint, 200, json.dumps(headers), answer,
        None, False, None, None,
    ]  # fmt: skip
    outcome = await app.state.pool.fetchrow(STATEMENT, *values)
    if not outcome[0]:
        raise HTTPException(409)
    if outcome[1]:
        return await first_answer(user, idempotency_key, fingerprint)
    if not outcome[3]:
        raise HTTPException(503, headers={"retry-after": "1"})
    log(200, user, correlation_id, traceparent, began)
    return Response(answer, media_type="application/json", headers={**headers, "x-correlation-id": correlation_id})


async def first_answer(user: str, key: str, fingerprint: bytes) -> Response:
    """Gives the answer that a key has already."""
    found = await app.state.pool.fetchrow(
        "SELECT fingerprint, status, headers, body FROM idempotency_keys"
        " WHERE user_id = $1::kaam_user_id AND route = $2 AND key = $3",
        user, ROUTE, key,
    )  # fmt: skip
    if found is None or found[0] != fingerprint:
        raise HTTPException(422)
    return Response(found[3], found[1], json.loads(found[2]), "application/json")


def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, loop="uvloop", http="httptools", access_log=False, log_level="warning")
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()

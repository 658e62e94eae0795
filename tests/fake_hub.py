"""A small stand-in for the Hugging Face Hub: the few addresses that downloading a model asks."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REFUSALS = {  # by a repository's name: status, and the header that says why
    "gated": (403, "GatedRepo"),
    "private": (401, "RepoNotFound"),
}


class _Handler(BaseHTTPRequestHandler):
    """Serves the folders in `repos`, and keeps what was asked in `asked`."""

    repos: dict[str, Path]
    asked: list[str]

    def log_message(self, *_) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, with_body: bool) -> None:
        self.asked.append(f"{self.command} {self.path}")
        parts = self.path.partition("?")[0].strip("/").split("/")
        if parts[:2] == ["api", "models"]:
            self._facts("/".join(parts[2:4]), parts[5] if len(parts) > 5 else "main")
        elif parts[2:3] == ["resolve"]:
            self._file("/".join(parts[:2]), "/".join(parts[4:]), with_body)
        else:
            self._refuse(404, "RepoNotFound")

    def _facts(self, repo: str, revision: str) -> None:
        if repo not in self.repos:
            self._refuse(*REFUSALS.get(repo.split("/")[1], (404, "RepoNotFound")))
        elif revision not in ("main", COMMIT):
            self._refuse(404, "RevisionNotFound")
        else:
            folder = self.repos[repo]
            files = sorted(f for f in folder.rglob("*") if f.is_file())
            siblings = [
                {"rfilename": f.relative_to(folder).as_posix(), "size": f.stat().st_size}
                for f in files
            ]
            body = json.dumps({"id": repo, "sha": COMMIT, "siblings": siblings}).encode()
            self._send(200, {"Content-Type": "application/json"}, body)

    def _file(self, repo: str, name: str, with_body: bool) -> None:
        file = self.repos[repo] / name
        if not file.is_file():
            self._refuse(404, "EntryNotFound")
            return
        body = file.read_bytes()
        said = {"ETag": f'"{hashlib.sha256(body).hexdigest()}"', "X-Repo-Commit": COMMIT}
        self._send(200, said, body, with_body)

    def _refuse(self, status: int, why: str) -> None:
        self._send(status, {"X-Error-Code": why}, b"{}")

    def _send(self, status: int, said: dict, body: bytes, with_body: bool = True) -> None:
        self.send_response(status)
        for name, value in {**said, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if with_body and self.command == "GET":
            self.wfile.write(body)


@contextmanager
def serving(repos: dict[str, Path]) -> Iterator[tuple[str, list[str]]]:
    """Inside, a Hub with these folders as repositories: its address, and what it is asked."""
    asked: list[str] = []
    handler = type("Handler", (_Handler,), {"repos": repos, "asked": asked})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=[0.02])
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

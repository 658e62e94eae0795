"""Old files are deleted, also while requests make new ones."""

import os
from types import SimpleNamespace

from gradio.route_utils import delete_files_created_by_app

from playground.page.hosting.files import Listed


def test_files_may_be_added_while_gradio_goes_over_them(tmp_path, monkeypatch):
    names = [str(tmp_path / name) for name in "abc"]
    for name in names:
        (tmp_path / name).write_bytes(b"")
    files, remove = set(names), os.remove

    def removed(file):
        files.add(f"{file} of another request")
        remove(file)

    monkeypatch.setattr(os, "remove", removed)
    page = SimpleNamespace(blocks={}, temp_file_sets=[Listed(files)])
    delete_files_created_by_app(page, None)
    assert files == {f"{name} of another request" for name in names}
    assert not list(tmp_path.iterdir())

"""Downloads of the live edition, in Node: they go on where they broke, and are kept."""

import json
import re
from pathlib import Path

from modules import page_modules

from playground.live import node


def test_a_download_goes_on_where_it_broke(tmp_path):
    page_modules(tmp_path)
    script = Path(__file__).parent / "live" / "fetching.mjs"
    found = json.loads(node.run(script, str(tmp_path)))
    for case in ("whole", "broken", "twice", "rangeless", "damaged"):
        assert found[case]["equal"], found[case]
        assert found[case]["told"], found[case]
    assert found["whole"]["asked"] == [None]
    assert found["damaged"]["asked"] == [None, None]  # from the beginning
    for case in ("broken", "twice", "rangeless"):
        first, *more = found[case]["asked"]
        assert first is None
        assert all(re.fullmatch(r"bytes=\d+-", range_) for range_ in more)
        assert more
    assert "is not where it should be" in found["missing"]["error"]
    assert len(found["missing"]["asked"]) == 1
    assert "the server answered 503" in found["down"]["error"]
    # the second time nothing is asked; a full browser goes on without keeping
    assert found["kept"] == {"equal": [True, True], "all": True, "asked": 1}
    assert found["full"] == {"equal": [True, True], "all": False, "asked": 2}
    # a new edition keeps what it shares with the old one, and forgets the rest
    (hash_, part), again = found["next"].pop("names"), found["next"]
    assert len(hash_) == 64
    assert part.startswith("part-")
    assert again == {"again": True, "all": False, "asked": 1}

"""A process is killed while it writes: what it had acknowledged holds."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest
from stores import feeds_of

from regard.index.embedded.embedded_index import EmbeddedIndex
from regard.sync.index_sync import IndexSync

WRITER = """
import sys
from datetime import UTC, datetime
from uuid import uuid4
import numpy as np
from regard.domain.images import Box
from regard.store import database
from regard.store.collection_rows import CollectionRows
from regard.store.face_rows import FaceRows, NewFace

opened = database.open(sys.argv[1])
collection = CollectionRows(opened).get("staff")
rows = FaceRows(opened)
box = Box(left=0, top=0, width=1, height=1)
held = []
while True:
    new = [
        NewFace(face_id=str(uuid4()), image_id="i", external_image_id=None, box=box, confidence=1.0) for _ in range(5)
    ]
    now = datetime.now(UTC)
    for face in rows.add(collection.key, new, np.full((5, 16), 0.25, np.float32), collection.face_model, now):
        print("+", face.face_id, flush=True)
        held.append(face.face_id)
    oldest = held.pop(0)
    print("?", oldest, flush=True)
    rows.delete(collection.key, [oldest])
    print("-", oldest, flush=True)
"""


@pytest.mark.slow
def test_a_kill_loses_nothing_acknowledged_and_leaves_no_half_batch(store, kind):
    collection = store.collection()
    added, doomed, deleted = set(), set(), set()
    for wait in (0.02, 0.15, 0.3):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, store.url], stdout=subprocess.PIPE, text=True)
        said = [writer.stdout.readline()]  # it is at work
        time.sleep(wait)
        writer.kill()
        said += writer.stdout.readlines()
        writer.stdout.close()
        assert writer.wait(timeout=30) == -signal.SIGKILL
        for line in said:
            if line.endswith("\n"):
                sign, face_id = line.split()
                {"+": added, "?": doomed, "-": deleted}[sign].add(face_id)

    there = {face.face_id for face in store.faces.page(collection.key, 0, 100_000)}
    assert len(added) > 15
    assert added - doomed <= there
    assert not deleted & there
    follower = IndexSync(store.database, feeds_of(EmbeddedIndex(), EmbeddedIndex()))
    follower.rebuild()
    assert follower.agreement() == []
    with store.database.read() as connection:
        journal = connection.exec_driver_sql("SELECT count(*) FROM deletions").scalar_one()
        if kind == "sqlite":
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
    assert (len(there) + journal) % 5 == 0

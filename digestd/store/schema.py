"""The schema, as migrations: append only, each runs once in a transaction."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from datetime import timedelta

from digestd.core.health import usual_silence
from digestd.store.database import Database

Migration = Callable[[Database], None]

MIGRATIONS: list[Migration] = []  # known by their names, in the order in which they are run


def migration(step: Migration) -> Migration:
    """Note one more migration."""
    MIGRATIONS.append(step)
    return step


# Times are integers: microseconds since 1970, UTC. Lists are JSON.
_TABLES = """
CREATE TABLE feeds (
  pk INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  url TEXT NOT NULL,
  active INTEGER NOT NULL DEFAULT 1,
  name TEXT NOT NULL DEFAULT '',
  title TEXT NOT NULL DEFAULT '',
  home_url TEXT,
  language TEXT NOT NULL DEFAULT '',
  etag TEXT,
  last_modified TEXT,
  validators_origin TEXT,
  body_hash BLOB,
  next_poll_at INTEGER,
  last_polled_at INTEGER,
  last_ok_at INTEGER,
  last_entry_at INTEGER,
  failures INTEGER NOT NULL DEFAULT 0,
  failing_since INTEGER,
  last_error TEXT NOT NULL DEFAULT '',
  baseline_at INTEGER,
  gone_at INTEGER,
  blocked_until INTEGER,
  recent_gaps TEXT NOT NULL DEFAULT '[]',
  ttl_seconds REAL,
  skip_hours TEXT NOT NULL DEFAULT '[]',
  skip_days TEXT NOT NULL DEFAULT '[]',
  lease_owner TEXT,
  lease_until INTEGER
);
CREATE UNIQUE INDEX feeds_by_url ON feeds (url) WHERE active;
CREATE INDEX feeds_by_due ON feeds (next_poll_at) WHERE active AND gone_at IS NULL;
CREATE INDEX feeds_by_lease ON feeds (lease_owner) WHERE lease_owner IS NOT NULL;

CREATE TABLE entries (
  id INTEGER PRIMARY KEY,
  feed_pk INTEGER NOT NULL REFERENCES feeds (pk) ON DELETE CASCADE,
  revision INTEGER NOT NULL DEFAULT 1,
  guid TEXT,
  link TEXT,
  title TEXT NOT NULL,
  title_html TEXT NOT NULL DEFAULT '',
  content_html TEXT NOT NULL DEFAULT '',
  summary_html TEXT NOT NULL DEFAULT '',
  author TEXT NOT NULL DEFAULT '',
  categories TEXT NOT NULL DEFAULT '[]',
  published_at INTEGER,
  updated_at INTEGER,
  seen_at INTEGER NOT NULL,
  first_fetch INTEGER NOT NULL,
  image_url TEXT,
  enclosures TEXT NOT NULL DEFAULT '[]',
  language TEXT NOT NULL DEFAULT ''
);
CREATE INDEX entries_by_feed ON entries (feed_pk, seen_at);
CREATE INDEX entries_by_time ON entries (seen_at);
CREATE INDEX entries_with_body ON entries (seen_at) WHERE content_html <> '' OR summary_html <> '';

-- Outlives the entry's body, and even the entry: what was seen stays seen.
CREATE TABLE seen_keys (
  feed_pk INTEGER NOT NULL REFERENCES feeds (pk) ON DELETE CASCADE,
  key BLOB NOT NULL,
  entry_id INTEGER REFERENCES entries (id) ON DELETE SET NULL,
  PRIMARY KEY (feed_pk, key)
) WITHOUT ROWID;
CREATE INDEX seen_keys_by_entry ON seen_keys (entry_id);

CREATE TABLE digests (
  name TEXT PRIMARY KEY,
  looked_until INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE slots (
  pk INTEGER PRIMARY KEY,
  digest TEXT NOT NULL REFERENCES digests (name),
  key TEXT NOT NULL,
  due_at INTEGER NOT NULL,
  closed_at INTEGER NOT NULL,
  UNIQUE (digest, key)
);

CREATE TABLE messages (
  pk INTEGER PRIMARY KEY,
  identity TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL CHECK (kind IN ('alert', 'digest', 'notice', 'test')),
  slot_pk INTEGER REFERENCES slots (pk),
  title TEXT NOT NULL,
  created_at INTEGER NOT NULL
);

CREATE TABLE message_entries (
  message_pk INTEGER NOT NULL REFERENCES messages (pk) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  entry_id INTEGER NOT NULL REFERENCES entries (id) ON DELETE CASCADE,
  PRIMARY KEY (message_pk, position)
) WITHOUT ROWID;
CREATE INDEX message_entries_by_entry ON message_entries (entry_id);

-- What is owed: one row per entry, revision and channel (alert) or digest.
CREATE TABLE owed (
  pk INTEGER PRIMARY KEY,
  entry_id INTEGER NOT NULL REFERENCES entries (id) ON DELETE CASCADE,
  revision INTEGER NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('alert', 'digest')),
  target TEXT NOT NULL,
  due_at INTEGER NOT NULL,
  message_pk INTEGER REFERENCES messages (pk),
  UNIQUE (entry_id, revision, kind, target)
);
CREATE INDEX owed_open ON owed (kind, target, due_at) WHERE message_pk IS NULL;

CREATE TABLE channels (
  name TEXT PRIMARY KEY,
  failures INTEGER NOT NULL DEFAULT 0,
  resume_at INTEGER,
  parked_at INTEGER,
  parked_reason TEXT NOT NULL DEFAULT '',
  last_ok_at INTEGER,
  lease_owner TEXT,
  lease_until INTEGER
) WITHOUT ROWID;

-- One row: one rendered piece for one recipient, stored as it goes out.
CREATE TABLE deliveries (
  id INTEGER PRIMARY KEY,
  message_pk INTEGER NOT NULL REFERENCES messages (pk) ON DELETE CASCADE,
  channel TEXT NOT NULL REFERENCES channels (name),
  uid TEXT NOT NULL,
  recipient TEXT NOT NULL,
  part INTEGER NOT NULL,
  form TEXT NOT NULL,
  title TEXT NOT NULL,
  payload BLOB NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('due', 'sending', 'sent', 'parked', 'dead')),
  due_at INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  failing_since INTEGER,
  last_error TEXT NOT NULL DEFAULT '',
  created_at INTEGER NOT NULL,
  sent_at INTEGER,
  UNIQUE (message_pk, channel, recipient, part)
);
CREATE INDEX deliveries_open ON deliveries (channel, id) WHERE state IN ('due', 'sending');
CREATE INDEX deliveries_sent ON deliveries (sent_at) WHERE state = 'sent' AND payload <> x'';
CREATE INDEX deliveries_troubled ON deliveries (state) WHERE state IN ('parked', 'dead');

CREATE TABLE attempts (
  pk INTEGER PRIMARY KEY,
  delivery_id INTEGER NOT NULL REFERENCES deliveries (id) ON DELETE CASCADE,
  at INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  answer TEXT NOT NULL
);
CREATE INDEX attempts_by_delivery ON attempts (delivery_id);

-- Who runs as the daemon on this database.
CREATE TABLE daemons (
  owner TEXT PRIMARY KEY,
  started_at INTEGER NOT NULL
) WITHOUT ROWID;
"""


@migration
def m001_first(db: Database) -> None:
    """Make the tables of the first version."""
    _execute_each(db, _TABLES)


def _execute_each(db: Database, statements: str) -> None:
    # Not executescript(): that commits whatever transaction is open.
    for statement in statements.split(";\n"):
        if statement.strip():
            db.conn.execute(statement)


# Apart from `feeds`: most polls find nothing, and then nothing of this is written.
_RHYTHMS = """
CREATE TABLE rhythms (
  feed_pk INTEGER PRIMARY KEY REFERENCES feeds (pk) ON DELETE CASCADE,
  state BLOB NOT NULL
);

CREATE TABLE price (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  value REAL NOT NULL,
  at INTEGER NOT NULL,
  requests REAL NOT NULL,
  due REAL NOT NULL,
  debt REAL NOT NULL,
  budget REAL NOT NULL
);

ALTER TABLE feeds ADD COLUMN listed INTEGER NOT NULL DEFAULT 0;
"""


@migration
def m002_planner(db: Database) -> None:
    """Make room for each feed's rhythm, and for the price that they share."""
    _execute_each(db, _RHYTHMS)


_HOLDING = """
ALTER TABLE owed ADD COLUMN held TEXT NOT NULL DEFAULT '';
ALTER TABLE owed ADD COLUMN dropped TEXT NOT NULL DEFAULT '';
DROP INDEX owed_open;
CREATE INDEX owed_open ON owed (kind, target, due_at) WHERE message_pk IS NULL AND dropped = '';

-- Of a dead delivery: why its owner need not look at it any more.
ALTER TABLE deliveries ADD COLUMN dropped TEXT NOT NULL DEFAULT '';
CREATE INDEX deliveries_by_channel ON deliveries (channel, created_at);

CREATE TABLE pauses (
  what TEXT PRIMARY KEY,
  since INTEGER NOT NULL,
  until INTEGER,
  dropping INTEGER NOT NULL
) WITHOUT ROWID;

-- What the owner was told of, or is about to be; gone when all is well and that was told.
CREATE TABLE notices (
  subject TEXT NOT NULL,
  trouble TEXT NOT NULL,
  since INTEGER NOT NULL,
  PRIMARY KEY (subject, trouble)
) WITHOUT ROWID;
"""


@migration
def m003_holding(db: Database) -> None:
    """Let debts wait and be dropped, things be paused, and troubles be told once."""
    _execute_each(db, _HOLDING)


@migration
def m004_detection(db: Database) -> None:
    """Add what feeds are watched for, what entries said, and batches that are held."""
    db.conn.execute("ALTER TABLE feeds ADD COLUMN watch TEXT NOT NULL DEFAULT '{}'")
    db.conn.execute("ALTER TABLE entries ADD COLUMN fingerprint BLOB")
    db.conn.execute(
        "CREATE TABLE held_batches ("
        " feed_pk INTEGER PRIMARY KEY REFERENCES feeds (pk) ON DELETE CASCADE,"
        " held_at INTEGER NOT NULL, entries INTEGER NOT NULL, reason TEXT NOT NULL)"
    )
    # A debt that the owner has not decided on yet; columns as in `owed`.
    db.conn.execute(
        "CREATE TABLE held ("
        " entry_id INTEGER NOT NULL REFERENCES entries (id) ON DELETE CASCADE,"
        " feed_pk INTEGER NOT NULL REFERENCES held_batches (feed_pk) ON DELETE CASCADE,"
        " revision INTEGER NOT NULL, kind TEXT NOT NULL, target TEXT NOT NULL,"
        " PRIMARY KEY (entry_id, revision, kind, target)) WITHOUT ROWID"
    )
    db.conn.execute("CREATE INDEX held_by_feed ON held (feed_pk)")
    # Retry-After and gaps bind an origin, whichever feed met them, over a restart too.
    db.conn.execute(
        "CREATE TABLE origins (origin TEXT PRIMARY KEY, blocked_until INTEGER NOT NULL,"
        " gap_seconds REAL NOT NULL) WITHOUT ROWID"
    )


# A cache: whatever is missing here is drawn or fetched again. An empty `content` is a
# picture that could not be had, and `why`.
_PICTURES = """
CREATE TABLE pictures (
  key BLOB PRIMARY KEY,
  name TEXT NOT NULL,
  mime_type TEXT NOT NULL,
  width INTEGER NOT NULL,
  height INTEGER NOT NULL,
  depth INTEGER NOT NULL,
  label TEXT NOT NULL,
  content BLOB NOT NULL,
  why TEXT NOT NULL,
  made_at INTEGER NOT NULL,
  used_at INTEGER NOT NULL
);
CREATE INDEX pictures_by_use ON pictures (used_at);
"""


@migration
def m005_pictures(db: Database) -> None:
    """Make room for formulas that were drawn, and images that were shrunk."""
    _execute_each(db, _PICTURES)


_HUBS = """
-- The hubs that a feed names, and how subscribing goes.
CREATE TABLE hub_offers (
  feed_pk INTEGER PRIMARY KEY REFERENCES feeds (pk) ON DELETE CASCADE,
  hubs TEXT NOT NULL,
  topic TEXT NOT NULL,
  turn INTEGER NOT NULL DEFAULT 0,
  failures INTEGER NOT NULL DEFAULT 0,
  try_at INTEGER,
  reason TEXT NOT NULL DEFAULT ''
);

-- One row: one callback. A renewal has a new one and ends the one that it replaces.
CREATE TABLE hub_subscriptions (
  pk INTEGER PRIMARY KEY,
  feed_pk INTEGER NOT NULL REFERENCES feeds (pk) ON DELETE CASCADE,
  hub TEXT NOT NULL,
  hub_at TEXT NOT NULL,
  topic TEXT NOT NULL,
  callback TEXT NOT NULL,
  token TEXT NOT NULL UNIQUE,
  secret TEXT NOT NULL DEFAULT '',
  state TEXT NOT NULL CHECK (state IN ('pending', 'active', 'leaving', 'ended')),
  asked_at INTEGER NOT NULL,
  lease_until INTEGER,
  renew_at INTEGER,
  pushed_at INTEGER,
  suspect_at INTEGER,
  replaces INTEGER REFERENCES hub_subscriptions (pk) ON DELETE SET NULL
);
CREATE INDEX hub_subscriptions_living ON hub_subscriptions (feed_pk) WHERE state <> 'ended';
"""


@migration
def m006_hubs(db: Database) -> None:
    """Make room for subscriptions to hubs."""
    _execute_each(db, _HUBS)


@migration
def m007_icons(db: Database) -> None:
    """Keep the icon that a feed names."""
    db.conn.execute("ALTER TABLE feeds ADD COLUMN icon_url TEXT")


# `passing`: there was no text, and another day may bring one.
_FULL_TEXTS = """
CREATE TABLE full_texts (
  entry_id INTEGER PRIMARY KEY REFERENCES entries (id) ON DELETE CASCADE,
  revision INTEGER NOT NULL,
  html TEXT NOT NULL,
  why TEXT NOT NULL,
  passing INTEGER NOT NULL,
  tries INTEGER NOT NULL,
  tried_at INTEGER NOT NULL
);
CREATE INDEX full_texts_by_time ON full_texts (tried_at);
"""


@migration
def m008_full_texts(db: Database) -> None:
    """Make room for texts of entries' pages."""
    _execute_each(db, _FULL_TEXTS)


@migration
def m009_outlines(db: Database) -> None:
    """Make room for what need not be read again of each feed's last document: a cache."""
    db.conn.execute(
        "CREATE TABLE outlines (feed_pk INTEGER PRIMARY KEY REFERENCES feeds (pk)"
        " ON DELETE CASCADE, state BLOB NOT NULL)"
    )


@migration
def m010_twins(db: Database) -> None:
    """Let an entry's twin be found among all that a feed has ever brought."""
    db.conn.execute("CREATE INDEX entries_by_link ON entries (feed_pk, link)")
    db.conn.execute("CREATE INDEX entries_by_title ON entries (feed_pk, title)")


@migration
def m011_rules(db: Database) -> None:
    """Let an entry say which rules held for it, and whether one dropped it."""
    db.conn.execute("ALTER TABLE entries ADD COLUMN rules TEXT NOT NULL DEFAULT ''")
    db.conn.execute("ALTER TABLE entries ADD COLUMN dropped INTEGER NOT NULL DEFAULT 0")
    db.conn.execute("CREATE INDEX entries_by_rule ON entries (seen_at) WHERE rules <> ''")


@migration
def m012_pause_links(db: Database) -> None:
    """Draw the secret behind the addresses at which a digest is paused."""
    db.conn.execute("CREATE TABLE pause_links (pk INTEGER PRIMARY KEY, secret BLOB NOT NULL)")
    db.conn.execute("INSERT INTO pause_links VALUES (1, ?)", (secrets.token_bytes(32),))


@migration
def m013_silence(db: Database) -> None:
    """Keep how long each feed is usually silent: who is, is found without reading them all."""
    db.conn.execute("ALTER TABLE feeds ADD COLUMN usual_silence INTEGER")
    found = db.conn.execute("SELECT pk, recent_gaps FROM feeds").fetchall()
    spans = [(usual_silence(json.loads(gaps)), pk) for pk, gaps in found]
    db.conn.executemany(
        "UPDATE feeds SET usual_silence = ? WHERE pk = ?",
        [(span // timedelta(microseconds=1), pk) for span, pk in spans if span is not None],
    )


@migration
def m014_wire_hash(db: Database) -> None:
    """Let a body that came before be known without decoding it."""
    db.conn.execute("ALTER TABLE feeds ADD COLUMN wire_hash BLOB")

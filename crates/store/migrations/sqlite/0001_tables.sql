CREATE TABLE objects (
    id TEXT PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL,
    schema BIGINT NOT NULL,
    organization_id TEXT NOT NULL,
    owner_id TEXT,
    revision BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    body TEXT NOT NULL,
    f1 TEXT, f2 TEXT, f3 TEXT, f4 TEXT, f5 TEXT, f6 TEXT, f7 TEXT, f8 TEXT
);
CREATE INDEX objects_by_kind ON objects (kind, id);
CREATE INDEX objects_by_organization ON objects (organization_id, kind, id);
CREATE INDEX objects_by_f1 ON objects (kind, f1, id) WHERE f1 IS NOT NULL;
CREATE INDEX objects_by_f2 ON objects (kind, f2, id) WHERE f2 IS NOT NULL;

CREATE TABLE claims (
    class TEXT NOT NULL,
    key TEXT NOT NULL,
    root TEXT,
    object_id TEXT NOT NULL,
    organization_id TEXT NOT NULL,
    expires_at BIGINT,
    PRIMARY KEY (class, key)
) WITHOUT ROWID;
CREATE INDEX claims_by_object ON claims (object_id);
CREATE INDEX claims_by_root ON claims (class, root) WHERE root IS NOT NULL;

CREATE TABLE refs (
    from_id TEXT NOT NULL,
    field TEXT NOT NULL,
    to_id TEXT NOT NULL,
    on_delete TEXT NOT NULL,
    PRIMARY KEY (from_id, field, to_id)
) WITHOUT ROWID;
CREATE INDEX refs_by_target ON refs (to_id, from_id);

CREATE TABLE log_head (
    organization_id TEXT NOT NULL,
    chain TEXT NOT NULL,
    position BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (organization_id, chain)
) WITHOUT ROWID;
INSERT INTO log_head (organization_id, chain, position, seq, hash) VALUES ('', '', 0, 0, x'');

CREATE TABLE log (
    position INTEGER PRIMARY KEY NOT NULL,
    organization_id TEXT NOT NULL,
    chain TEXT NOT NULL,
    seq BIGINT NOT NULL,
    origin_node TEXT,
    origin_generation BIGINT,
    origin_number BIGINT,
    event_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    at BIGINT NOT NULL,
    principal_id TEXT,
    subject TEXT,
    source TEXT NOT NULL,
    credential_id TEXT,
    ip TEXT,
    user_agent TEXT,
    operation_id TEXT,
    node TEXT NOT NULL,
    object_kind TEXT,
    object_id TEXT,
    revision BIGINT,
    before TEXT,
    after TEXT,
    prev_hash BLOB NOT NULL,
    hash BLOB NOT NULL
);
CREATE UNIQUE INDEX log_by_chain ON log (organization_id, chain, seq);
CREATE UNIQUE INDEX log_by_event ON log (event_id);
CREATE UNIQUE INDEX log_by_origin ON log (origin_node, origin_generation, origin_number) WHERE origin_node IS NOT NULL;
CREATE INDEX log_by_organization ON log (organization_id, position);
CREATE INDEX log_by_object ON log (object_id, position) WHERE object_id IS NOT NULL;
CREATE INDEX log_config ON log (position) WHERE chain = 'config';

CREATE TABLE secrets (
    object_id TEXT NOT NULL,
    field TEXT NOT NULL,
    version BIGINT NOT NULL,
    form TEXT NOT NULL,
    key_id TEXT NOT NULL,
    nonce BLOB NOT NULL,
    value BLOB NOT NULL,
    mark TEXT NOT NULL,
    PRIMARY KEY (object_id, field, version)
) WITHOUT ROWID;

CREATE TABLE work (
    class TEXT NOT NULL,
    key TEXT NOT NULL,
    organization_id TEXT,
    holder TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    position BIGINT NOT NULL,
    expires_at BIGINT,
    body TEXT NOT NULL,
    PRIMARY KEY (class, key)
) WITHOUT ROWID;
CREATE INDEX work_by_expiry ON work (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE objects (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    schema BIGINT NOT NULL,
    organization_id TEXT COLLATE "C" NOT NULL,
    owner_id TEXT COLLATE "C",
    revision BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    body TEXT COLLATE "C" NOT NULL,
    f1 TEXT COLLATE "C", f2 TEXT COLLATE "C", f3 TEXT COLLATE "C", f4 TEXT COLLATE "C", f5 TEXT COLLATE "C", f6 TEXT COLLATE "C", f7 TEXT COLLATE "C", f8 TEXT COLLATE "C"
);
CREATE INDEX objects_by_kind ON objects (kind, id);
CREATE INDEX objects_by_organization ON objects (organization_id, kind, id);
CREATE INDEX objects_by_f1 ON objects (kind, f1, id) WHERE f1 IS NOT NULL;
CREATE INDEX objects_by_f2 ON objects (kind, f2, id) WHERE f2 IS NOT NULL;

CREATE TABLE claims (
    class TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    root TEXT COLLATE "C",
    object_id TEXT COLLATE "C" NOT NULL,
    organization_id TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT,
    PRIMARY KEY (class, key)
);
CREATE INDEX claims_by_object ON claims (object_id);
CREATE INDEX claims_by_root ON claims (class, root) WHERE root IS NOT NULL;

CREATE TABLE refs (
    from_id TEXT COLLATE "C" NOT NULL,
    field TEXT COLLATE "C" NOT NULL,
    to_id TEXT COLLATE "C" NOT NULL,
    on_delete TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (from_id, field, to_id)
);
CREATE INDEX refs_by_target ON refs (to_id, from_id);

CREATE TABLE log_head (
    organization_id TEXT COLLATE "C" NOT NULL,
    chain TEXT COLLATE "C" NOT NULL,
    position BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    PRIMARY KEY (organization_id, chain)
);
INSERT INTO log_head (organization_id, chain, position, seq, hash) VALUES ('', '', 0, 0, '');

CREATE TABLE log (
    position BIGINT PRIMARY KEY NOT NULL,
    organization_id TEXT COLLATE "C" NOT NULL,
    chain TEXT COLLATE "C" NOT NULL,
    seq BIGINT NOT NULL,
    origin_node TEXT COLLATE "C",
    origin_generation BIGINT,
    origin_number BIGINT,
    event_id TEXT COLLATE "C" NOT NULL,
    event_type TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    principal_id TEXT COLLATE "C",
    subject TEXT COLLATE "C",
    source TEXT COLLATE "C" NOT NULL,
    credential_id TEXT COLLATE "C",
    ip TEXT COLLATE "C",
    user_agent TEXT COLLATE "C",
    operation_id TEXT COLLATE "C",
    node TEXT COLLATE "C" NOT NULL,
    object_kind TEXT COLLATE "C",
    object_id TEXT COLLATE "C",
    revision BIGINT,
    before TEXT COLLATE "C",
    after TEXT COLLATE "C",
    prev_hash BYTEA NOT NULL,
    hash BYTEA NOT NULL
);
CREATE UNIQUE INDEX log_by_chain ON log (organization_id, chain, seq);
CREATE UNIQUE INDEX log_by_event ON log (event_id);
CREATE UNIQUE INDEX log_by_origin ON log (origin_node, origin_generation, origin_number) WHERE origin_node IS NOT NULL;
CREATE INDEX log_by_organization ON log (organization_id, position);
CREATE INDEX log_by_object ON log (object_id, position) WHERE object_id IS NOT NULL;
CREATE INDEX log_config ON log (position) WHERE chain = 'config';

CREATE TABLE secrets (
    object_id TEXT COLLATE "C" NOT NULL,
    field TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    form TEXT COLLATE "C" NOT NULL,
    key_id TEXT COLLATE "C" NOT NULL,
    nonce BYTEA NOT NULL,
    value BYTEA NOT NULL,
    mark TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (object_id, field, version)
);

CREATE TABLE work (
    class TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    organization_id TEXT COLLATE "C",
    holder TEXT COLLATE "C" NOT NULL,
    epoch BIGINT NOT NULL,
    position BIGINT NOT NULL,
    expires_at BIGINT,
    body TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (class, key)
);
CREATE INDEX work_by_expiry ON work (expires_at) WHERE expires_at IS NOT NULL;

-- Wrapped keys, in a schema and with a role of their own: who records or reads evidence sees none of this. Better still
-- in a database of its own, whose backups and archived WAL live no longer than 30 days: a key that is still in a backup
-- is not destroyed. Counterpart: audit/keys/postgres_store.py
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'vestibule_keys') THEN
        CREATE ROLE vestibule_keys NOLOGIN;
    END IF;
END
$$;

CREATE SCHEMA evidence_keys;

CREATE TABLE evidence_keys.kek (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant text NOT NULL,
    class text NOT NULL,
    month text NOT NULL,
    root text NOT NULL,
    wrapped bytea,
    recovery bytea
);
CREATE INDEX kek_month ON evidence_keys.kek (tenant, class, month);

-- `home` is the KEK of the key set's own month; a hold may move it under another one.
CREATE TABLE evidence_keys.keyset (
    ks text PRIMARY KEY,
    subject_kind text NOT NULL,
    subject text NOT NULL,
    kek bigint NOT NULL REFERENCES evidence_keys.kek (id),
    home bigint NOT NULL REFERENCES evidence_keys.kek (id)
);
CREATE INDEX keyset_subject ON evidence_keys.keyset (subject_kind, subject);
CREATE INDEX keyset_home ON evidence_keys.keyset (home);

CREATE TABLE evidence_keys.dek (
    ks text NOT NULL REFERENCES evidence_keys.keyset (ks),
    comp text NOT NULL,
    wrapped bytea,
    PRIMARY KEY (ks, comp)
);
CREATE TABLE evidence_keys.hold (hold text NOT NULL, kind text NOT NULL, name text NOT NULL, PRIMARY KEY (hold, kind, name));
CREATE INDEX hold_name ON evidence_keys.hold (kind, name);
CREATE TABLE evidence_keys.migration (number integer PRIMARY KEY, applied timestamptz NOT NULL DEFAULT now());

REVOKE ALL ON SCHEMA evidence_keys FROM PUBLIC;
GRANT USAGE ON SCHEMA evidence_keys TO vestibule_keys;
GRANT SELECT ON evidence_keys.migration TO vestibule_keys;
GRANT SELECT, INSERT, UPDATE ON evidence_keys.kek, evidence_keys.keyset, evidence_keys.dek TO vestibule_keys;
GRANT SELECT, INSERT, DELETE ON evidence_keys.hold TO vestibule_keys;

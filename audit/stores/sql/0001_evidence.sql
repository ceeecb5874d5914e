-- The evidence: what is appended (entry, sealed, chunk), what follows from it (session, consent_end, seq), and who
-- writes (worker, leader). Run by the owner of the database's schema, never by a gateway. Counterpart: audit/stores/postgres.py

-- Roles without login; grant them to the login roles of gateways, readers and the eraser. A cluster has them once.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['vestibule_writer', 'vestibule_reader', 'vestibule_eraser'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', name);
        END IF;
    END LOOP;
END
$$;

CREATE SCHEMA evidence;

-- Partitioned by ranges of the index and not by month: a unique index of a partitioned table must contain the column
-- it is partitioned by, and nothing else than the database itself shall promise that an index exists once.
CREATE TABLE evidence.entry (
    idx bigint NOT NULL CHECK (idx >= 0),
    head bytea NOT NULL,
    leaf bytea NOT NULL CHECK (octet_length(leaf) = 32),
    s text,
    cr text,
    PRIMARY KEY (idx)
) PARTITION BY RANGE (idx);
CREATE INDEX entry_session ON evidence.entry (s, idx) WHERE s IS NOT NULL;
CREATE INDEX entry_consent ON evidence.entry (cr, idx) WHERE s IS NULL AND cr IS NOT NULL;

CREATE TABLE evidence.sealed (
    idx bigint NOT NULL,
    comp text NOT NULL,
    ks text NOT NULL,
    ct bytea NOT NULL,
    PRIMARY KEY (idx, comp)
) PARTITION BY RANGE (idx);

CREATE TABLE evidence.chunk (
    idx bigint NOT NULL,
    session text NOT NULL,
    no bigint NOT NULL,
    ct bytea NOT NULL,
    PRIMARY KEY (idx, no)
) PARTITION BY RANGE (idx);
CREATE INDEX chunk_place ON evidence.chunk (session, no);

-- Ciphertext does not compress.
ALTER TABLE evidence.sealed ALTER ct SET STORAGE EXTERNAL;
ALTER TABLE evidence.chunk ALTER ct SET STORAGE EXTERNAL;

-- Derived: replaced as entries are appended, and computed again by `vestibule verify`.
CREATE TABLE evidence.session (session text PRIMARY KEY, state text NOT NULL, cr text, first bigint NOT NULL);
CREATE INDEX session_unclosed ON evidence.session (first) WHERE state <> 'closed';
CREATE TABLE evidence.consent_end (cr text PRIMARY KEY, reason text NOT NULL, idx bigint NOT NULL);
CREATE TABLE evidence.meta (key text PRIMARY KEY, value text NOT NULL);

-- The end of the log. Whoever appends holds this row until COMMIT: no gaps, and what is visible is in order.
CREATE TABLE evidence.seq (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    next bigint NOT NULL DEFAULT 0,
    size bigint NOT NULL DEFAULT 0,
    nodes bytea NOT NULL DEFAULT ''
) WITH (fillfactor = 10);
INSERT INTO evidence.seq DEFAULT VALUES;

-- `epoch` rises with each start of a worker, and fences the run before. `backend`: its connection that holds the lease.
CREATE TABLE evidence.worker (
    id text PRIMARY KEY,
    epoch bigint NOT NULL,
    lease_until timestamptz NOT NULL,
    backend integer NOT NULL
) WITH (fillfactor = 10);

-- Who signs and publishes. `generation` rises with each change and fences the leader before.
CREATE TABLE evidence.leader (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    generation bigint NOT NULL DEFAULT 0,
    worker text
);
INSERT INTO evidence.leader DEFAULT VALUES;

CREATE TABLE evidence.migration (number integer PRIMARY KEY, applied timestamptz NOT NULL DEFAULT now());

CREATE FUNCTION evidence.partition_width() RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT 4194304::bigint';

-- The partition that the next entry goes into, and the one after it. Attached, not created in place: that would wait
-- for every reader, and everybody who appends would wait behind it.
CREATE FUNCTION evidence.prepare_partitions() RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    width bigint := evidence.partition_width();
    made integer := 0;
    current bigint;
    parent text;
    child text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('vestibule partitions', 0));
    SELECT next / width INTO current FROM evidence.seq;
    FOR number IN current .. current + 1 LOOP
        FOREACH parent IN ARRAY ARRAY['entry', 'sealed', 'chunk'] LOOP
            child := format('%s_%s', parent, lpad(number::text, 6, '0'));
            CONTINUE WHEN to_regclass(format('evidence.%I', child)) IS NOT NULL;
            EXECUTE format(
                'CREATE TABLE evidence.%I (LIKE evidence.%I INCLUDING ALL, CHECK (idx >= %s AND idx < %s))',
                child, parent, number * width, (number + 1) * width
            );
            EXECUTE format(
                'ALTER TABLE evidence.%I ATTACH PARTITION evidence.%I FOR VALUES FROM (%s) TO (%s)',
                parent, child, number * width, (number + 1) * width
            );
            made := made + 1;
        END LOOP;
    END LOOP;
    RETURN made;
END
$$;

REVOKE ALL ON SCHEMA evidence FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA evidence FROM PUBLIC;
GRANT USAGE ON SCHEMA evidence TO vestibule_writer, vestibule_reader, vestibule_eraser;
GRANT SELECT ON ALL TABLES IN SCHEMA evidence TO vestibule_writer, vestibule_reader, vestibule_eraser;
-- A gateway adds evidence and cannot change or remove any.
GRANT INSERT ON evidence.entry, evidence.sealed, evidence.chunk TO vestibule_writer;
GRANT INSERT, UPDATE ON evidence.session, evidence.consent_end, evidence.meta, evidence.worker TO vestibule_writer;
GRANT UPDATE ON evidence.seq, evidence.leader TO vestibule_writer;
GRANT EXECUTE ON FUNCTION evidence.prepare_partitions() TO vestibule_writer;
-- Ciphertext is deleted by another role, after its keys were destroyed; heads and leaves by nobody.
GRANT DELETE ON evidence.sealed, evidence.chunk TO vestibule_eraser;

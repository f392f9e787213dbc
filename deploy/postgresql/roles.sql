-- Two roles for the event log on PostgreSQL: `signalbox_owner` owns the tables and changes them, `signalbox_app` is who instances
-- connect as. Nothing that `signalbox_app` can do changes an event: it appends through functions that run with the owner's rights, and only
-- `remove_requests` among them deletes, what was written to an archive before.
--
-- To be run in the log's database, by a superuser or by who may create roles: once, and again when the tables have been made or
-- brought up to date (docs/operations.md, "Roles"). It may be run as often as one likes, also on a log that was made by another role.
-- Passwords are not its business: \password signalbox_owner, \password signalbox_app, or certificates.

BEGIN;

DO $$
DECLARE
  thing record;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'signalbox_owner') THEN CREATE ROLE signalbox_owner LOGIN; END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'signalbox_app') THEN CREATE ROLE signalbox_app LOGIN; END IF;
  EXECUTE format('GRANT CONNECT, CREATE ON DATABASE %I TO signalbox_owner', current_database());
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO signalbox_app', current_database());

  IF to_regnamespace('signalbox') IS NULL THEN RETURN; END IF;
  ALTER SCHEMA signalbox OWNER TO signalbox_owner;
  -- Indexes, and the sequences behind identities, go with their tables.
  FOR thing IN SELECT oid::regclass AS name FROM pg_class
    WHERE relnamespace = 'signalbox'::regnamespace AND relkind IN ('r', 'p') AND relowner <> 'signalbox_owner'::regrole
  LOOP
    EXECUTE format('ALTER TABLE %s OWNER TO signalbox_owner', thing.name);
  END LOOP;
  FOR thing IN SELECT oid::regclass AS name FROM pg_class WHERE relnamespace = 'signalbox'::regnamespace AND relkind = 'v'
  LOOP
    EXECUTE format('ALTER VIEW %s OWNER TO signalbox_owner', thing.name);
  END LOOP;
  FOR thing IN SELECT oid::regprocedure AS name FROM pg_proc WHERE pronamespace = 'signalbox'::regnamespace
  LOOP
    EXECUTE format('ALTER FUNCTION %s OWNER TO signalbox_owner', thing.name);
  END LOOP;

  -- What somebody had granted before goes.
  REVOKE ALL ON ALL TABLES IN SCHEMA signalbox FROM signalbox_app, PUBLIC;
  REVOKE ALL ON ALL FUNCTIONS IN SCHEMA signalbox FROM signalbox_app, PUBLIC;
  REVOKE ALL ON SCHEMA signalbox FROM signalbox_app, PUBLIC;
  GRANT USAGE ON SCHEMA signalbox TO signalbox_app;

  IF to_regclass('signalbox.log_schema') IS NULL THEN RETURN; END IF;
  GRANT SELECT ON signalbox.log_schema, signalbox.log_head, signalbox.events, signalbox.event_log, signalbox.writers, signalbox.streams,
    signalbox.time_marks, signalbox.names, signalbox.books, signalbox.requests, signalbox.cost_hours, signalbox.cost_sessions
    TO signalbox_app;
  -- Who makes the books anew locks the head, for which PostgreSQL wants the right to update some column of it: the one that is always 1.
  GRANT UPDATE (one) ON signalbox.log_head TO signalbox_app;
  -- The books are made from the events: after an upgrade they may be deleted and made anew.
  GRANT UPDATE (version, folded_to) ON signalbox.books TO signalbox_app;
  GRANT DELETE ON signalbox.requests TO signalbox_app;
  GRANT DELETE, UPDATE (archived) ON signalbox.cost_hours, signalbox.cost_sessions TO signalbox_app;
  GRANT SELECT, INSERT, UPDATE, DELETE ON signalbox.snapshots TO signalbox_app;
  -- What instances share beside the log.
  GRANT SELECT, INSERT, UPDATE, DELETE ON signalbox.instances, signalbox.leases, signalbox.shared_rates, signalbox.money_pools,
    signalbox.money_grants TO signalbox_app;
  -- All functions of the schema, but what only triggers call.
  FOR thing IN SELECT oid::regprocedure AS name FROM pg_proc
    WHERE pronamespace = 'signalbox'::regnamespace AND prorettype <> 'trigger'::regtype
  LOOP
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO signalbox_app', thing.name);
  END LOOP;
END $$;

COMMIT;

-- Two roles for the event log on PostgreSQL, so that the running Signalbox cannot change or delete an event even by a mistake or a
-- stolen password: one owns the tables, the other uses them. Without this file one role does both, and only a trigger stands in between.
--
-- 1. As a superuser, in the database of the log. Give both a password, or whatever your server logs people in by.
--
--      CREATE ROLE signalbox_owner LOGIN;
--      CREATE ROLE signalbox LOGIN;
--      GRANT CREATE ON DATABASE signalbox TO signalbox_owner;
--
-- 2. Start Signalbox once with the owner's URL, now and after every upgrade: it makes the tables, or brings them up to date, and can be
--    stopped again.
--
-- 3. As the owner, after that: this file.
--
-- 4. Everything else runs with the URL of `signalbox`.

GRANT USAGE ON SCHEMA signalbox TO signalbox;
GRANT SELECT ON ALL TABLES IN SCHEMA signalbox TO signalbox;

-- Events, their numbers and their partitions are changed by functions only, which run with the rights of the owner. One of them,
-- remove_requests, takes old requests out of the log for `signalbox archive` and `retention.detail`; without these two:
--   REVOKE EXECUTE ON FUNCTION signalbox.remove_requests FROM signalbox;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA signalbox TO signalbox;

-- To lock the head while the books are made anew. This column is always 1.
GRANT UPDATE (one) ON signalbox.log_head TO signalbox;

-- What can be made anew from the events.
GRANT INSERT, UPDATE, DELETE ON signalbox.snapshots, signalbox.books, signalbox.requests, signalbox.cost_hours,
  signalbox.cost_sessions TO signalbox;

-- What instances share for the moment.
GRANT INSERT, UPDATE, DELETE ON signalbox.instances, signalbox.leases, signalbox.shared_rates, signalbox.money_pools,
  signalbox.money_grants TO signalbox;

-- What only a superuser makes, dumps and restores: rows hidden from their owner too, and objects of others.

SELECT 'other_' || substr(md5(current_database()), 1, 12) AS other \gset
CREATE ROLE :other NOLOGIN;
CREATE TABLE forced (id int PRIMARY KEY, owner name, t text);
INSERT INTO forced VALUES (1, 'nobody', 'hidden'), (2, 'somebody', 'hidden too');
ALTER TABLE forced ENABLE ROW LEVEL SECURITY;
ALTER TABLE forced FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON forced AS RESTRICTIVE TO :other USING (owner = current_user) WITH CHECK (false);
SELECT datdba::regrole AS owner FROM pg_database WHERE datname = current_database() \gset
ALTER TABLE forced OWNER TO :owner;
CREATE SCHEMA of_other AUTHORIZATION :other;
CREATE TABLE of_other.things (a int);
ALTER TABLE of_other.things OWNER TO :other;
INSERT INTO of_other.things SELECT generate_series(1, 5);
GRANT SELECT, INSERT ON of_other.things TO :owner WITH GRANT OPTION;
CREATE FUNCTION of_other.who() RETURNS name LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS 'SELECT current_user';
ALTER DEFAULT PRIVILEGES FOR ROLE :other IN SCHEMA of_other GRANT ALL ON TABLES TO :owner;
CREATE PUBLICATION told FOR TABLE of_other.things;
CREATE FUNCTION of_other.on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN NULL; END $$;
CREATE EVENT TRIGGER after_ddl ON ddl_command_end WHEN TAG IN ('CREATE TYPE') EXECUTE FUNCTION of_other.on_ddl();
SELECT format('ALTER ROLE %s IN DATABASE %I SET work_mem = ''5MB''', :'owner', current_database()),
  format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), :'other'),
  format('ALTER DATABASE %I CONNECTION LIMIT 17', current_database())
\gexec

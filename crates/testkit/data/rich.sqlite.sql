-- What a backup must bring back.

PRAGMA user_version = 4711;
PRAGMA application_id = 1179011410;
CREATE TABLE "order" ("select" INTEGER PRIMARY KEY, "from" TEXT NOT NULL, "MixedCase" TEXT COLLATE NOCASE);
INSERT INTO "order" VALUES (1, 'a', NULL), (2, '', 'b');
CREATE TABLE "a b;c'd""e\f`g" ("x y" INT, "q'""\;" TEXT, "ünïcødé" TEXT);
INSERT INTO "a b;c'd""e\f`g" VALUES (1, 'one', 'two'), (NULL, NULL, NULL);
CREATE TABLE "таблица 表 🔑" ("größe" NUMERIC, "名" TEXT);
INSERT INTO "таблица 表 🔑" VALUES (1.50, 'é');
CREATE TABLE "line
feed	and tab" ("col
umn" INT);
INSERT INTO "line
feed	and tab" VALUES (7);
CREATE TABLE "-- no comment" (a);
INSERT INTO "-- no comment" VALUES (1), (1), (1);
CREATE TABLE empty (a);
CREATE TABLE texts (id INTEGER PRIMARY KEY AUTOINCREMENT, t TEXT);
INSERT INTO texts (t) VALUES
  (NULL), (''), (' '), ('NULL'), ('\N'), ('\.'), ('a' || char(10) || 'b'), ('a' || char(13, 10) || 'b'), ('a' || char(9) || 'b'), ('\'), ('\\'),
  ('''; DROP TABLE texts; --'), ('/* open'), ('COMMIT;'), (char(1, 31, 127)), ('nul' || char(0) || 'inside'), ('é'), ('日本語'), ('𝒳🔑👩‍👩‍👧'),
  (char(8238) || 'rtl'), (char(65279) || 'bom'), ('unistr(''\0041'')'), ('replace(x, char(10))'), ('.quit'), (printf('%.*c', 100000, 'x'));
DELETE FROM texts WHERE id = 25;
CREATE TABLE bytes (id INTEGER PRIMARY KEY, b BLOB);
INSERT INTO bytes VALUES (300, x'000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff');
WITH RECURSIVE n(i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i < 255)
  INSERT INTO bytes SELECT i, substr(b, i + 1, 1) FROM n, bytes WHERE id = 300;
INSERT INTO bytes VALUES (301, x''), (302, NULL), (303, zeroblob(100000));
CREATE TABLE kinds (i INTEGER, r REAL, n NUMERIC, d DATE, j TEXT CHECK (j IS NULL OR json_valid(j)), any_type);
INSERT INTO kinds VALUES (9223372036854775807, 0.1 + 0.2, 1e100, '2026-02-29', '{"a": ["\\", null, 1.10]}', 'text'),
  (-9223372036854775808, -1e999, 12345678901234567890, NULL, 'null', x'00'), (0, 4.9e-324, '', '', '[]', 1.0), (NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE strict_one (a INTEGER, b ANY, c TEXT) STRICT;
INSERT INTO strict_one VALUES (1, '1', 'one'), (2, 1, 'two'), (3, x'31', 'three');
CREATE TABLE no_rowid (a TEXT, b INT, PRIMARY KEY (a, b)) WITHOUT ROWID;
INSERT INTO no_rowid VALUES ('a', 1), ('a', 2), ('b', 1);
CREATE TABLE computed (a INT, stored INT AS (a * 2) STORED, seen INT AS (a + 1) VIRTUAL, CHECK (a <> 13));
INSERT INTO computed (a) VALUES (1), (2), (3);
CREATE INDEX "odd; index" ON computed (a * 2 DESC) WHERE a > 1;
CREATE UNIQUE INDEX "unique ünï" ON "order" ("MixedCase");
CREATE TABLE egg (id INTEGER PRIMARY KEY, hen INT NOT NULL REFERENCES hen (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE hen (id INTEGER PRIMARY KEY, egg INT NOT NULL REFERENCES egg (id) DEFERRABLE INITIALLY DEFERRED);
BEGIN;
INSERT INTO egg VALUES (1, 1), (2, 1);
INSERT INTO hen VALUES (1, 2);
COMMIT;
CREATE TABLE stamped (id INTEGER PRIMARY KEY, t TEXT);
CREATE TRIGGER "the trigger; odd" AFTER INSERT ON stamped WHEN NEW.id > 0 BEGIN
  UPDATE stamped SET t = coalesce(t, '') || '!; END' WHERE id = NEW.id;
  INSERT INTO texts (t) VALUES ('stamped; ' || NEW.id);
END;
INSERT INTO stamped VALUES (1, 'once'), (2, NULL);
CREATE VIEW "a view" AS SELECT id, t FROM texts WHERE t LIKE '%;%';
CREATE VIEW on_view AS SELECT count(*) AS n FROM "a view";
CREATE TRIGGER through_view INSTEAD OF INSERT ON on_view BEGIN INSERT INTO texts (t) VALUES ('through'); END;
CREATE VIRTUAL TABLE words USING fts5(title, body);
INSERT INTO words VALUES ('a title', 'the quick; brown fox'), ('größe', '日本語 🔑');

-- What a backup must bring back, all of it made by the app's own account, which may dump and restore it by itself.

SET time_zone = '+00:00';
SET sql_mode = 'NO_ENGINE_SUBSTITUTION';

-- Names. MariaDB's reach to U+FFFF.
CREATE TABLE `order` (`select` INT PRIMARY KEY, `from` TEXT NOT NULL, `MixedCase` TEXT);
INSERT INTO `order` VALUES (1, 'a', NULL), (2, '', 'b');
CREATE TABLE `a b;c'd"e``f\g` (`x y` INT, `q'``"\;` TEXT, `ünïcødé` TEXT);
INSERT INTO `a b;c'd"e``f\g` VALUES (1, 'one', 'two'), (NULL, NULL, NULL);
CREATE TABLE `таблица 表` (`größe` DECIMAL(10, 3), `名` TEXT);
INSERT INTO `таблица 表` VALUES (1.50, 'é');
CREATE TABLE `line
feed	and tab` (`col
umn` INT);
INSERT INTO `line
feed	and tab` VALUES (7);
CREATE TABLE `-- no comment` (a INT);
INSERT INTO `-- no comment` VALUES (1), (1), (1);
CREATE TABLE `/*!50000 x */` (a INT);
INSERT INTO `/*!50000 x */` VALUES (3);
CREATE TABLE `INSERT INTO ``x`` VALUES (1);` (a INT);
INSERT INTO `INSERT INTO ``x`` VALUES (1);` VALUES (1), (2);
CREATE TABLE `a.b` (`c.d` INT);
INSERT INTO `a.b` VALUES (1);
CREATE TABLE `UPPER` (a INT);
CREATE TABLE `upper` (b INT);
INSERT INTO `upper` VALUES (1), (2);
CREATE TABLE empty (a INT);

-- Texts that mean something else to somebody on the way.
CREATE TABLE texts (id INT AUTO_INCREMENT PRIMARY KEY, t LONGTEXT);
INSERT INTO texts (t) VALUES
  (NULL), (''), (' '), ('NULL'), ('\\N'), ('\\.'), ('\n\\.\n'), ('a\nb'), ('a\r\nb'), ('a\tb'), ('\b\Z\0nul'), ('\b\x7f'), ('\\'), ('\\\\'), ('\\'''), ('''\\'),
  ('"'), ('`'), ('''; DROP TABLE texts; --'), ('/* open'), ('*/'), ('/*!50000 DROP TABLE texts */'), ('-- Dump completed on 2026-11-21'),
  ('\n-- Dump completed\n'), (');('), ('),('), ('INSERT INTO `texts` VALUES (1,''x''),(2,''y'');\nINSERT INTO `texts` VALUES (3);'),
  ('\nINSERT INTO `texts` VALUES (1);\n'), ('DELIMITER ;;'), ('\\! touch /nowhere/at/all'), ('source /etc/passwd'), ('# no comment'),
  ('é'), ('é'), ('日本語'), ('𝒳🔑👩‍👩‍👧'), (REPEAT('long ', 20000)), (REPEAT('\n', 5000)), (REPEAT('\\', 5000)), ('%s %n $HOME `id` $(id)');
DELETE FROM texts WHERE t = 'é';
CREATE TABLE bytes (id INT PRIMARY KEY, b LONGBLOB, v VARBINARY(300), f BINARY(4));
INSERT INTO bytes VALUES (300, UNHEX('000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff'), UNHEX('000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff'), '\0\'\\"'), (301, '', '', ''), (302, NULL, NULL, NULL);
INSERT INTO bytes SELECT seq, CHAR(seq), CHAR(seq), CHAR(seq) FROM seq_0_to_255;
INSERT INTO bytes VALUES (303, REPEAT(UNHEX('00FF5C270A'), 30000), NULL, NULL);

-- Types.
CREATE TABLE kinds (
  i1 TINYINT, i8 BIGINT, u8 BIGINT UNSIGNED, z INT(8) UNSIGNED ZEROFILL, n DECIMAL(65, 30), f FLOAT, d DOUBLE, b BIT(1), b9 BIT(9), b64 BIT(64),
  c CHAR(5), v VARCHAR(20) CHARACTER SET latin1, v2 VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, v3 VARCHAR(20) CHARACTER SET utf16,
  da DATE, tm TIME(6), dt DATETIME(6), ts TIMESTAMP(3) NULL, y YEAR, e ENUM('', 'a,b', 'it''s', 'größer', '\\'), s SET('x', 'y z', '''', 'ü'),
  j JSON, u UUID, i4 INET4, i6 INET6, g GEOMETRY, p POINT, inv INT INVISIBLE DEFAULT 5);
INSERT INTO kinds VALUES
  (-128, 9223372036854775807, 18446744073709551615, 42, 12345678901234567890123456789012345.123456789012345678901234567891, 3.4028235e38, 0.1e0 + 0.2e0,
    b'1', b'101010101', ~0, 'ab', 'größe', 'Größe', 'ü', '0000-00-00', '-838:59:59', '0000-00-00 00:00:00', '2026-03-29 01:30:00.123', 1901, 'it''s', 'x,y z',
    '{"b": 1,  "a": "\\u00e9 \\\\ \\n"}', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '10.0.0.1', '::1', ST_GeomFromText('LINESTRING(0 0,1 1.5)', 4326),
    POINT(1.5, -2)),
  (0, 0, 0, 0, 0, 0, 0, b'0', 0, 0, '', '', '', '', '2026-00-31', '00:00:00.000001', '9999-12-31 23:59:59.999999', '1970-01-01 00:00:01', 0, '', '',
    'null', NULL, NULL, NULL, ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1),POLYGON((0 0,1 0,1 1,0 0)))'), NULL),
  (127, -9223372036854775808, NULL, NULL, -0.000000000000000000000000000001, 1.17549e-38, 2.2250738585072014e-308, NULL, NULL, NULL, NULL, NULL, NULL,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

-- Numbers that go on counting.
CREATE TABLE counted (id INT AUTO_INCREMENT PRIMARY KEY, t TEXT) AUTO_INCREMENT = 1000;
INSERT INTO counted (t) VALUES ('a'), ('b'), ('c');
DELETE FROM counted WHERE t = 'c';
CREATE TABLE with_zero (id INT AUTO_INCREMENT PRIMARY KEY);
SET sql_mode = CONCAT(@@sql_mode, ',NO_AUTO_VALUE_ON_ZERO');
INSERT INTO with_zero VALUES (0), (1);
CREATE SEQUENCE counting START WITH 5 INCREMENT BY 3 MAXVALUE 5000 CYCLE NOCACHE;
SELECT NEXTVAL(counting);

-- What is computed, and what is checked.
CREATE TABLE computed (a INT, stored INT AS (a * 2) STORED, seen VARCHAR(30) AS (CONCAT('n''; ', a)) VIRTUAL, r INT DEFAULT (1 + 2),
  CONSTRAINT `odd; check` CHECK (a <> 13), KEY `odd; index` (a DESC, stored), UNIQUE KEY (seen)) COMMENT 'it''s; a \\ comment\nin two lines';
INSERT INTO computed (a) VALUES (1), (2), (3);
CREATE TABLE searched (id INT PRIMARY KEY, t TEXT, FULLTEXT KEY (t), p POINT NOT NULL, SPATIAL KEY (p)) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;
INSERT INTO searched VALUES (1, 'the quick; brown fox', POINT(1, 2));
CREATE TABLE of_aria (a INT, t TEXT) ENGINE = Aria;
INSERT INTO of_aria VALUES (1, 'one'), (2, 'two');
CREATE TABLE of_myisam (a INT, t TEXT) ENGINE = MyISAM CHARACTER SET latin1;
INSERT INTO of_myisam VALUES (1, 'größe');
CREATE TABLE parts (at DATE NOT NULL, n INT, PRIMARY KEY (at, n)) PARTITION BY RANGE (YEAR(at)) SUBPARTITION BY HASH (n) SUBPARTITIONS 2
  (PARTITION p2025 VALUES LESS THAN (2026), PARTITION p2026 VALUES LESS THAN (2027), PARTITION rest VALUES LESS THAN MAXVALUE);
INSERT INTO parts SELECT '2025-06-01' + INTERVAL seq * 20 DAY, seq FROM seq_1_to_60;

-- Keys in a cycle, and to itself.
CREATE TABLE egg (id INT PRIMARY KEY, hen INT NOT NULL);
CREATE TABLE hen (id INT PRIMARY KEY, egg INT NOT NULL, FOREIGN KEY (egg) REFERENCES egg (id));
INSERT INTO egg VALUES (1, 1), (2, 1);
INSERT INTO hen VALUES (1, 2);
ALTER TABLE egg ADD CONSTRAINT `laid by` FOREIGN KEY (hen) REFERENCES hen (id) ON DELETE CASCADE;
CREATE TABLE tree (id INT PRIMARY KEY, up INT, FOREIGN KEY (up) REFERENCES tree (id));
INSERT INTO tree VALUES (1, NULL);
INSERT INTO tree SELECT seq, seq DIV 2 FROM seq_2_to_100 ORDER BY seq;

-- Views of views, one of them earlier in the alphabet than what it reads; routines, triggers, events.
CREATE VIEW `z view` AS SELECT id, t FROM texts WHERE t LIKE '%;%' WITH CASCADED CHECK OPTION;
CREATE VIEW `a view` AS SELECT COUNT(*) AS `n;` FROM `z view`;
CREATE SQL SECURITY INVOKER VIEW `of ``order``` (`one``;`) AS SELECT `select` FROM `order`;
DELIMITER //
CREATE FUNCTION `doubled; odd`(n INT) RETURNS INT DETERMINISTIC COMMENT 'it''s; a \\ comment'
BEGIN
  -- INSERT INTO `x` VALUES (1);
  DECLARE t TEXT DEFAULT 'a;b\\c `x` ''quoted'' $$ ;;';
  RETURN n * 2;
END//
CREATE PROCEDURE clean(IN a INT, OUT b VARCHAR(10) CHARACTER SET latin1)
BEGIN
  DECLARE CONTINUE HANDLER FOR NOT FOUND SET b = 'größe';
  IF a > 1 THEN SET b = '//'; END IF;
END//
SET sql_mode = 'ANSI_QUOTES'//
CREATE FUNCTION with_its_mode() RETURNS TEXT DETERMINISTIC RETURN (SELECT "MixedCase" FROM "order" LIMIT 1)//
SET sql_mode = 'NO_ENGINE_SUBSTITUTION'//
CREATE TABLE stamped (id INT PRIMARY KEY, t TEXT)//
CREATE TRIGGER `the trigger; odd` BEFORE INSERT ON stamped FOR EACH ROW
BEGIN
  -- Restored rows must not be stamped twice.
  SET NEW.t = CONCAT(IFNULL(NEW.t, ''), '!');
END//
CREATE TRIGGER second BEFORE INSERT ON stamped FOR EACH ROW FOLLOWS `the trigger; odd` SET NEW.t = CONCAT(NEW.t, '?')//
CREATE TRIGGER telling AFTER UPDATE ON stamped FOR EACH ROW INSERT INTO texts (t) VALUES ('told; by trigger')//
CREATE EVENT `every; hour` ON SCHEDULE EVERY 1 HOUR STARTS '2026-01-01 00:00:00' COMMENT 'it''s; odd' DO BEGIN DELETE FROM empty; END//
CREATE EVENT switched_off ON SCHEDULE EVERY 1 DAY STARTS '2026-01-01 00:00:00' DISABLE DO DELETE FROM empty//
DELIMITER ;
INSERT INTO stamped VALUES (1, 'once'), (2, NULL);
CREATE VIEW of_function AS SELECT `doubled; odd`(id) AS d FROM stamped;
CREATE TABLE versioned (a INT) WITH SYSTEM VERSIONING;
INSERT INTO versioned VALUES (1), (2);

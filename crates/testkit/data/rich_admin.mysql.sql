-- What others defined: an account may only restore it as it was with the right to name other definers.

CREATE DEFINER = root@localhost SQL SECURITY DEFINER VIEW of_root AS SELECT 1 AS a;
CREATE DEFINER = 'gone away'@'%' SQL SECURITY INVOKER VIEW of_nobody AS SELECT 2 AS a;
CREATE TABLE watched (a INT);
CREATE DEFINER = root@localhost TRIGGER by_root BEFORE INSERT ON watched FOR EACH ROW SET NEW.a = NEW.a + 1;
INSERT INTO watched VALUES (1), (2);
CREATE DEFINER = root@localhost PROCEDURE by_root() SQL SECURITY DEFINER SELECT 'a;b';
CREATE DEFINER = root@localhost EVENT by_root ON SCHEDULE EVERY 1 DAY STARTS '2026-01-01 00:00:00' DISABLE DO DELETE FROM watched;

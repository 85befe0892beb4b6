//! How many rows the tables have, counted by the server: exactly the tables whose rows `pg_dump` writes, so that this and
//! what is counted in a plain dump are equal.

use kit::Failure;

use crate::manifest::Census;
use crate::postgres::session::Session;

/// Ordinary tables and partitions; of an extension's own only what it has marked as data, and of that the part that it
/// has marked. `ONLY`, because the rows of children are dumped with the children. Names come in the database's own encoding,
/// as a dump has them. To compile a count (`jit`, since version 11) takes longer than what it saves.
const QUESTION: &str = r"
SELECT set_config('client_encoding', current_setting('server_encoding'), false),
  coalesce((SELECT set_config(name, 'off', false) FROM pg_settings WHERE name = 'jit'), '') \gset

SELECT format('SELECT %L, count(*) FROM ONLY %I.%I %s', n.nspname || '.' || c.relname, n.nspname, c.relname,
  coalesce(e.extcondition[k.i], ''))
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0 AND d.deptype = 'e'
LEFT JOIN pg_extension e ON e.oid = d.refobjid
LEFT JOIN LATERAL (SELECT i FROM generate_subscripts(e.extconfig, 1) i WHERE e.extconfig[i] = c.oid) k ON true
WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND CASE WHEN e.oid IS NULL
  THEN n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema' ELSE k.i IS NOT NULL END
ORDER BY 1
\gexec
";

/// Begins to count: the answer is for [`fetch`].
pub(crate) fn begin(session: &mut Session) -> Result<(), Failure> {
    session.tell(QUESTION)
}

/// Waits for the tables with their rows.
pub(crate) fn fetch(session: &mut Session) -> Result<Census, Failure> {
    let mut census = Census::new();
    for row in session.answer(2)? {
        if let [table, rows] = &row[..] {
            *census.entry(table.clone()).or_default() += rows.parse::<u64>().unwrap_or_default();
        }
    }
    Ok(census)
}

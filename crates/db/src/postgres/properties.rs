//! What belongs to a database and not to its content: `pg_dump` leaves most of it out.

use kit::{Exit, Failure};

use crate::postgres::quote::{identifier, list, literal};
use crate::postgres::session::Session;

/// Of a database of this name.
const OF_DATABASE: &str = "
SELECT pg_get_userbyid(d.datdba), pg_encoding_to_char(d.encoding), d.datcollate, d.datctype,
  coalesce(to_jsonb(d) ->> 'datlocprovider', 'c'),
  coalesce(to_jsonb(d) ->> 'daticulocale', to_jsonb(d) ->> 'datlocale', ''), coalesce(to_jsonb(d) ->> 'daticurules', ''),
  t.spcname, d.datconnlimit, coalesce(shobj_description(d.oid, 'pg_database'), ''), d.datacl IS NULL
FROM pg_database d JOIN pg_tablespace t ON t.oid = d.dattablespace WHERE d.datname = ";

/// Its rights: who (empty: everybody), what, whether that may be passed on.
const RIGHTS: &str = "
SELECT coalesce(r.rolname, ''), a.privilege_type, a.is_grantable
FROM pg_database d, aclexplode(d.datacl) WITH ORDINALITY a (grantor, grantee, privilege_type, is_grantable, place)
LEFT JOIN pg_roles r ON r.oid = a.grantee
WHERE (a.grantee = 0 OR r.oid IS NOT NULL) AND d.datname = ";

/// Its settings: whose (empty: everybody's), name, value.
const SETTINGS: &str = "
SELECT coalesce(r.rolname, ''), split_part(c.text, '=', 1), substr(c.text, strpos(c.text, '=') + 1)
FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase CROSS JOIN unnest(s.setconfig) WITH ORDINALITY c (text, place)
LEFT JOIN pg_roles r ON r.oid = s.setrole WHERE (s.setrole = 0 OR r.oid IS NOT NULL) AND d.datname = ";

/// Settings that are lists of names (`GUC_LIST_QUOTE`), as `pg_dump` knows them too.
const LISTS: [&str; 6] = [
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
];

/// A database, without its content and its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Properties {
    pub(crate) owner: String,
    encoding: String,
    collate: String,
    ctype: String,
    provider: String,
    locale: String,
    rules: String,
    tablespace: String,
    limit: String,
    comment: String,
    /// `None`: nobody ever granted or revoked anything.
    rights: Option<Vec<Vec<String>>>,
    settings: Vec<Vec<String>>,
}

impl Properties {
    /// Those of the database of this name: 66 when there is none.
    pub(crate) fn read(session: &mut Session, database: &str) -> Result<Self, Failure> {
        let name = literal(database);
        let row =
            session.ask(&format!("{OF_DATABASE}{name};"), 11)?.pop().and_then(|row| <[String; 11]>::try_from(row).ok());
        let [owner, encoding, collate, ctype, provider, locale, rules, tablespace, limit, comment, has_no_rights] =
            row.ok_or_else(|| Failure::new(Exit::ABSENT, format!("there is no database {database}")))?;
        let rights = session.ask(&format!("{RIGHTS}{name} ORDER BY a.place;"), 3)?;
        let settings = session.ask(&format!("{SETTINGS}{name} ORDER BY 1, c.place;"), 3)?;
        let rights = (has_no_rights != "t").then_some(rights);
        Ok(Self {
            owner,
            encoding,
            collate,
            ctype,
            provider,
            locale,
            rules,
            tablespace,
            limit,
            comment,
            rights,
            settings,
        })
    }

    /// The statement that makes an empty database like this one, for a server of its version.
    pub(crate) fn create(&self, name: &str) -> String {
        let mut text =
            format!("CREATE DATABASE {} TEMPLATE template0 OWNER {}", identifier(name), identifier(&self.owner));
        let mut add = |what: &str, value: &str| text.push_str(&format!(" {what} {value}"));
        add("ENCODING", &literal(&self.encoding));
        add("LC_COLLATE", &literal(&self.collate));
        add("LC_CTYPE", &literal(&self.ctype));
        let provider = match self.provider.as_str() {
            "i" => Some(("icu", "ICU_LOCALE")),
            "b" => Some(("builtin", "BUILTIN_LOCALE")),
            _ => None,
        };
        if let Some((provider, locale)) = provider {
            add("LOCALE_PROVIDER", provider);
            add(locale, &literal(&self.locale));
        }
        if !self.rules.is_empty() {
            add("ICU_RULES", &literal(&self.rules));
        }
        if self.tablespace != "pg_default" {
            add("TABLESPACE", &identifier(&self.tablespace));
        }
        text + ";"
    }

    /// The statements that give a database the rest: comment, limit, rights, settings. They may be run twice.
    pub(crate) fn statements(&self, name: &str) -> Vec<String> {
        let database = identifier(name);
        let mut all = vec![format!("ALTER DATABASE {database} CONNECTION LIMIT {};", self.limit)];
        if !self.comment.is_empty() {
            all.push(format!("COMMENT ON DATABASE {database} IS {};", literal(&self.comment)));
        }
        all.extend(self.rights(&database));
        all.extend(self.settings.iter().filter_map(|setting| match &setting[..] {
            [role, name, value] => Some(format!("ALTER {} {};", whose(role, &database), set(name, value))),
            _ => None,
        }));
        all
    }

    fn rights(&self, database: &str) -> Vec<String> {
        let Some(rights) = &self.rights else {
            return Vec::new();
        };
        let begin = ["PUBLIC".to_owned(), identifier(&self.owner)];
        let revoked = begin.into_iter().map(|whom| format!("REVOKE ALL ON DATABASE {database} FROM {whom};"));
        let granted = rights.iter().filter_map(|right| match &right[..] {
            [whom, what, passes_on] => {
                let whom = if whom.is_empty() { "PUBLIC".to_owned() } else { identifier(whom) };
                let more = if passes_on == "t" { " WITH GRANT OPTION" } else { "" };
                Some(format!("GRANT {what} ON DATABASE {database} TO {whom}{more};"))
            }
            _ => None,
        });
        revoked.chain(granted).collect()
    }
}

fn whose(role: &str, database: &str) -> String {
    match role {
        "" => format!("DATABASE {database}"),
        role => format!("ROLE {} IN DATABASE {database}", identifier(role)),
    }
}

/// `SET "work_mem" TO '5MB'`, `SET "my"."setting" TO 'x'`: the name of an extension's setting has parts.
pub(crate) fn set(name: &str, value: &str) -> String {
    let value = if LISTS.contains(&name) { list(value) } else { literal(value) };
    format!("SET {} TO {value}", name.split('.').map(identifier).collect::<Vec<_>>().join("."))
}

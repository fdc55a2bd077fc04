use std::env;
use std::fmt;

use diesel_oauth2::Error;
use diesel_oauth2::bearer::generate_token;

/// What the environment says.
pub(crate) struct Settings {
    pub(crate) port: u16,
    pub(crate) database_url: String,
    pub(crate) access_token_ttl: i64,
    pub(crate) refresh_grace: i64,
    pub(crate) demo: DemoSettings,
}

pub(crate) struct DemoSettings {
    pub(crate) client_id: String,
    pub(crate) client_secret: Secret,
    pub(crate) public_client_id: String,
    pub(crate) redirect_uri: Option<String>,
    pub(crate) username: String,
    pub(crate) password: Secret,
}

/// A secret, and whether the environment names it.
pub(crate) struct Secret {
    pub(crate) value: String,
    pub(crate) is_given: bool,
}

/// A variable that cannot be understood. Its value is not repeated.
#[derive(Debug)]
pub(crate) struct Misunderstood {
    name: &'static str,
    wanted: &'static str,
}

impl fmt::Display for Misunderstood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not {}", self.name, self.wanted)
    }
}

impl std::error::Error for Misunderstood {}

impl Settings {
    pub(crate) fn from_env() -> Result<Self, Box<dyn std::error::Error>> {
        Ok(Self {
            port: number("PORT", "a port")?.unwrap_or(3000),
            database_url: text("DATABASE_URL")?
                .unwrap_or_else(|| "sqlite://diesel_oauth2_demo.sqlite".to_owned()),
            access_token_ttl: seconds("ACCESS_TOKEN_TTL")?.unwrap_or(3600),
            refresh_grace: seconds("REFRESH_GRACE")?.unwrap_or(30),
            demo: DemoSettings {
                client_id: text("DEMO_CLIENT_ID")?.unwrap_or_else(|| "demo-client".to_owned()),
                client_secret: secret("DEMO_CLIENT_SECRET")?,
                public_client_id: text("DEMO_PUBLIC_CLIENT_ID")?
                    .unwrap_or_else(|| "demo-public".to_owned()),
                redirect_uri: text("DEMO_REDIRECT_URI")?,
                username: text("DEMO_USERNAME")?.unwrap_or_else(|| "demo".to_owned()),
                password: secret("DEMO_PASSWORD")?,
            },
        })
    }
}

/// The variable's value; an empty one is as good as none.
fn text(name: &'static str) -> Result<Option<String>, Misunderstood> {
    match env::var(name) {
        Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => Err(Misunderstood {
            name,
            wanted: "text in UTF-8",
        }),
    }
}

fn number<T: std::str::FromStr>(
    name: &'static str,
    wanted: &'static str,
) -> Result<Option<T>, Misunderstood> {
    let parsed = text(name)?.map(|value| value.parse());
    parsed
        .transpose()
        .map_err(|_| Misunderstood { name, wanted })
}

fn seconds(name: &'static str) -> Result<Option<i64>, Misunderstood> {
    let wanted = "a number of seconds";
    // Up to a century, so that adding it to the clock means something.
    match number::<u32>(name, wanted)? {
        Some(seconds) if seconds > 3_200_000_000 => Err(Misunderstood { name, wanted }),
        seconds => Ok(seconds.map(i64::from)),
    }
}

fn secret(name: &'static str) -> Result<Secret, Box<dyn std::error::Error>> {
    let given = text(name)?;
    let is_given = given.is_some();
    let value = given.map_or_else(|| generate_token(22), Ok::<_, Error>)?;
    Ok(Secret { value, is_given })
}

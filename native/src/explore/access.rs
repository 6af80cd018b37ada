//! Access control. Any page that is open in a browser can send requests to this machine, and a
//! foreign host name can be made to resolve to it. So the address holds a secret, `Host` must be an
//! address that no name server decides on, and `Origin`, if present, must be the page's own.

use std::net::{IpAddr, SocketAddr};

use hyper::http::uri::Authority;

use crate::error::Error;

/// What a request must present.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    token: String,
    address: SocketAddr,
    /// The name given to listen on, if it was not an address.
    name: Option<String>,
}

/// Why a request is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Denied {
    /// The secret is missing or wrong.
    Unknown,
    /// `Host` is not this server.
    Host,
    /// `Origin` is another page.
    Origin,
}

impl Access {
    /// Makes a secret of 128 bits for `address`; `listen`: the address as people wrote it.
    ///
    /// # Errors
    /// If the system has no random numbers.
    pub(crate) fn new(address: SocketAddr, listen: &str) -> Result<Self, Error> {
        let mut bytes = [0_u8; 16];
        getrandom::fill(&mut bytes)
            .map_err(|error| Error::internal(format!("no random numbers: {error}")))?;
        let token = format!("{:032x}", u128::from_le_bytes(bytes));
        let host = listen.rsplit_once(':').map_or(listen, |(host, _)| host);
        let is_name = host.trim_matches(['[', ']']).parse::<IpAddr>().is_err();
        Ok(Self { token, address, name: is_name.then(|| host.to_lowercase()) })
    }

    /// Returns the page's address for people of this machine.
    pub(crate) fn url(&self) -> String {
        let port = self.address.port();
        let host = match (&self.name, self.address.ip()) {
            (Some(name), _) => name.clone(),
            // Every address of the machine: one of them is this.
            (None, ip) if ip.is_unspecified() => "127.0.0.1".into(),
            (None, IpAddr::V4(ip)) => ip.to_string(),
            (None, IpAddr::V6(ip)) => format!("[{ip}]"),
        };
        format!("http://{host}:{port}/{}/", self.token)
    }

    /// Returns what is asked for below the secret part of a path.
    ///
    /// # Errors
    /// Where a request is not to be answered.
    pub(crate) fn check<'p>(
        &self,
        path: &'p str,
        host: Option<&str>,
        origin: Option<&str>,
    ) -> Result<&'p str, Denied> {
        let host = host.filter(|host| self.is_here(host)).ok_or(Denied::Host)?;
        let (token, rest) = path.trim_start_matches('/').split_once('/').ok_or(Denied::Unknown)?;
        if !self.is_token(token) {
            return Err(Denied::Unknown);
        }
        // An origin is the scheme with the host that the page itself was asked from.
        let is_own = |origin: &str| origin.strip_prefix("http://") == Some(host);
        if origin.is_some_and(|origin| !is_own(origin)) {
            return Err(Denied::Origin);
        }
        Ok(rest)
    }

    /// Compares every byte, whatever the first ones are.
    fn is_token(&self, token: &str) -> bool {
        let differing = self.token.bytes().zip(token.bytes()).filter(|(one, other)| one != other);
        token.len() == self.token.len() && differing.count() == 0
    }

    /// Returns whether a host with its port is this one: an address, or the name given to listen on.
    fn is_here(&self, host: &str) -> bool {
        let Ok(asked) = host.parse::<Authority>() else { return false };
        if asked.as_str().contains('@') {
            return false;
        }
        // Browsers leave out the usual port.
        if asked.port_u16().unwrap_or(80) != self.address.port() {
            return false;
        }
        let name = asked.host().to_lowercase();
        let is_local = self.address.ip().is_loopback() || self.address.ip().is_unspecified();
        let ip = name.trim_matches(['[', ']']).parse::<IpAddr>();
        match ip {
            Ok(ip) if self.address.ip().is_unspecified() => !ip.is_multicast(),
            Ok(ip) => ip == self.address.ip() || (is_local && ip.is_loopback()),
            Err(_) => (is_local && name == "localhost") || self.name.as_ref() == Some(&name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(listen: &str) -> Access {
        let address = match listen {
            "shop:80" => "192.168.0.7:80".parse(),
            _ => listen.parse(),
        };
        Access::new(address.unwrap(), listen).unwrap()
    }

    fn asked(access: &Access, host: &str, origin: Option<&str>) -> Result<String, Denied> {
        let path = format!("/{}/explore/setup", access.token);
        access.check(&path, Some(host), origin).map(String::from)
    }

    #[test]
    fn only_addresses_of_this_machine_are_answered() {
        let local = access("127.0.0.1:8000");
        for host in ["127.0.0.1:8000", "localhost:8000", "LOCALHOST:8000", "[::1]:8000"] {
            assert_eq!(asked(&local, host, None), Ok("explore/setup".into()), "{host}");
        }
        let foreign = [
            "127.0.0.1:8001",
            "127.0.0.1",
            "evil.example:8000",
            "10.0.0.1:8000",
            "user@127.0.0.1:8000",
            "evil.example@127.0.0.1:8000",
            "",
        ];
        for host in foreign {
            assert_eq!(asked(&local, host, None), Err(Denied::Host), "{host}");
        }
        assert_eq!(local.check("/", None, None), Err(Denied::Host));
        let wide = access("0.0.0.0:80");
        assert!(asked(&wide, "192.168.0.7:80", None).is_ok());
        assert_eq!(asked(&wide, "evil.example:80", None), Err(Denied::Host));
        let named = access("shop:80");
        for host in ["shop:80", "Shop:80", "shop"] {
            assert!(asked(&named, host, None).is_ok(), "{host}");
        }
        assert_eq!(asked(&named, "localhost:80", None), Err(Denied::Host));
    }

    #[test]
    fn pages_from_elsewhere_are_not_answered() {
        let access = access("127.0.0.1:8000");
        let host = "127.0.0.1:8000";
        assert!(asked(&access, host, Some("http://127.0.0.1:8000")).is_ok());
        for origin in ["null", "https://127.0.0.1:8000", "http://127.0.0.1:8001", "http://evil"] {
            assert_eq!(asked(&access, host, Some(origin)), Err(Denied::Origin), "{origin}");
        }
    }

    #[test]
    fn nobody_is_answered_without_the_secret() {
        let access = access("127.0.0.1:8000");
        let host = Some("127.0.0.1:8000");
        let token = access.token.clone();
        assert_eq!(token.len(), 32);
        assert_ne!(token, self::access("127.0.0.1:8000").token);
        for path in
            ["/", "", &format!("/{token}"), &format!("/{}/", &token[1..]), &format!("/{token}0/")]
        {
            assert_eq!(access.check(path, host, None), Err(Denied::Unknown), "{path}");
        }
        assert_eq!(access.check(&format!("/{token}/"), host, None), Ok(""));
    }
}

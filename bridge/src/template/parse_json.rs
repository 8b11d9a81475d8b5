//! JSON text to template values as Python's `json.loads` reads it: order of keys kept, the last of
//! equal keys wins, `1` and `1.0` differ, `NaN` and `Infinity` are numbers.

use minijinja::Value;

use crate::error::{Code, Error, Result};

pub fn parse(text: &str, max_depth: usize) -> Result<Value> {
    let mut parser = Parser { text, at: 0, depth_left: max_depth };
    let value = parser.value()?;
    parser.skip_blanks();
    if parser.at < text.len() {
        return Err(parser.fail("more text after the JSON value"));
    }
    Ok(value)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth_left: usize,
}

impl<'a> Parser<'a> {
    fn fail(&self, what: &str) -> Error {
        let line = self.text[..self.at].bytes().filter(|&b| b == b'\n').count() + 1;
        Error::new(Code::InvalidData, format!("JSON: {what} at byte {}", self.at)).at_line(line)
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn value(&mut self) -> Result<Value> {
        self.skip_blanks();
        match self.peek() {
            None => Err(self.fail("the text ends where a value is expected")),
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => self.string().map(Value::from),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) => self.word(),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Value>) -> Result<Value> {
        if self.depth_left == 0 {
            return Err(Error { code: Code::Limit, ..self.fail("nested too deeply") });
        }
        self.depth_left -= 1;
        self.at += 1;
        let value = read(self)?;
        self.depth_left += 1;
        Ok(value)
    }

    fn object(&mut self) -> Result<Value> {
        let mut pairs = Vec::new();
        self.skip_blanks();
        if self.take("}") {
            return Ok(Value::from_pairs(pairs));
        }
        loop {
            self.skip_blanks();
            if self.peek() != Some(b'"') {
                return Err(self.fail("expected a key in quotes"));
            }
            let key = self.string()?;
            self.skip_blanks();
            if !self.take(":") {
                return Err(self.fail("expected ':'"));
            }
            pairs.push((Value::from(key), self.value()?));
            self.skip_blanks();
            if self.take("}") {
                return Ok(Value::from_pairs(pairs));
            }
            if !self.take(",") {
                return Err(self.fail("expected ',' or '}'"));
            }
        }
    }

    fn array(&mut self) -> Result<Value> {
        let mut items: Vec<Value> = Vec::new();
        self.skip_blanks();
        if self.take("]") {
            return Ok(Value::from(items));
        }
        loop {
            items.push(self.value()?);
            self.skip_blanks();
            if self.take("]") {
                return Ok(Value::from(items));
            }
            if !self.take(",") {
                return Err(self.fail("expected ',' or ']'"));
            }
        }
    }

    fn word(&mut self) -> Result<Value> {
        let words = [
            ("null", Value::from(())),
            ("true", Value::from(true)),
            ("false", Value::from(false)),
            ("NaN", Value::from(f64::NAN)),
            ("Infinity", Value::from(f64::INFINITY)),
        ];
        for (word, value) in words {
            if self.take(word) {
                return Ok(value);
            }
        }
        Err(self.fail("not a value"))
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - start
    }

    fn number(&mut self) -> Result<Value> {
        let start = self.at;
        if self.take("-") && self.take("Infinity") {
            return Ok(Value::from(f64::NEG_INFINITY));
        }
        let leading_zero = self.peek() == Some(b'0');
        let whole = self.digits();
        if whole == 0 || (leading_zero && whole > 1) {
            return Err(self.fail("a malformed number"));
        }
        let mut integer = true;
        if self.take(".") {
            integer = false;
            if self.digits() == 0 {
                return Err(self.fail("a malformed number"));
            }
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            integer = false;
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if self.digits() == 0 {
                return Err(self.fail("a malformed number"));
            }
        }
        let text = &self.text[start..self.at];
        if integer {
            let number: std::result::Result<i128, _> = text.parse();
            return number.map(Value::from).map_err(|_| self.fail("an integer above 127 bits"));
        }
        text.parse::<f64>().map(Value::from).map_err(|_| self.fail("a malformed number"))
    }

    fn string(&mut self) -> Result<String> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let plain = self.rest().find(|c: char| c == '"' || c == '\\' || c < ' ');
            let Some(plain) = plain else {
                self.at = self.text.len();
                return Err(self.fail("the text ends inside a string"));
            };
            out.push_str(&self.rest()[..plain]);
            self.at += plain;
            if self.take("\"") {
                return Ok(out);
            }
            if !self.take("\\") {
                return Err(self.fail("a control character inside a string"));
            }
            out.push(self.escape()?);
        }
    }

    fn escape(&mut self) -> Result<char> {
        let simple = [
            ("\"", '"'),
            ("\\", '\\'),
            ("/", '/'),
            ("b", '\u{8}'),
            ("f", '\u{c}'),
            ("n", '\n'),
            ("r", '\r'),
            ("t", '\t'),
        ];
        for (token, c) in simple {
            if self.take(token) {
                return Ok(c);
            }
        }
        if !self.take("u") {
            return Err(self.fail("an unknown escape"));
        }
        let first = self.hex4()?;
        let code = match first {
            0xd800..=0xdbff if self.take("\\u") => {
                let second = self.hex4()?;
                if !(0xdc00..=0xdfff).contains(&second) {
                    return Err(self.fail("half a surrogate pair"));
                }
                0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
            }
            _ => first,
        };
        char::from_u32(code).ok_or_else(|| self.fail("half a surrogate pair"))
    }

    fn hex4(&mut self) -> Result<u32> {
        let digits = self.rest().get(..4).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        let Some(digits) = digits else { return Err(self.fail("expected four hex digits")) };
        self.at += 4;
        Ok(u32::from_str_radix(digits, 16).expect("hex digits were checked"))
    }
}

// A ClickHouse server for tests: chDB, which is ClickHouse as a library, behind as much
// of ClickHouse's HTTP interface as its Go driver uses. Run with the port and the
// directory of the data.
const http = require('http');
const fs = require('fs');
const path = require('path');
const { Session } = require('chdb');

const [port, dir] = process.argv.slice(2);
const session = new Session(path.join(dir, 'engine'));
const at = new URL('http://localhost');
let inserts = 0;

// native encodes rows of texts and UInt32 as the driver reads them from a server: with
// a block's head and a mark per column, which the library leaves out.
function native({ meta, data }) {
  const parts = [];
  const number = (n) => { for (; n > 127; n = Math.floor(n / 128)) parts.push(Buffer.from([n % 128 | 128])); parts.push(Buffer.from([n])); };
  const text = (s) => { const b = Buffer.from(String(s)); number(b.length); parts.push(b); };
  parts.push(Buffer.from([1, 0, 2, 255, 255, 255, 255, 0]));
  number(meta.length);
  number(data.length);
  meta.forEach((column, i) => {
    text(column.name);
    text(column.type);
    parts.push(Buffer.from([0]));
    for (const row of data) {
      if (column.type !== 'UInt32') { text(row[i]); continue; }
      const b = Buffer.alloc(4);
      b.writeUInt32LE(row[i]);
      parts.push(b);
    }
  });
  return Buffer.concat(parts);
}

function answer(parameters, body) {
  if (parameters.has('query')) { // the body is what is inserted
    const file = path.join(dir, `insert-${inserts++}`);
    fs.writeFileSync(file, body);
    try {
      session.query(parameters.get('query').replace(/\s+FORMAT\s+Native\s*$/i, ` FROM INFILE '${file}' FORMAT Native`));
    } finally {
      fs.unlinkSync(file);
    }
    return '';
  }
  const query = body.toString();
  if (parameters.get('default_format') === 'Native' && /^\s*(SELECT|DESC)/i.test(query)) {
    return native(JSON.parse(session.query(query, 'JSONCompact')));
  }
  return session.query(query, parameters.get('default_format') || 'TabSeparated');
}

http.createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    try {
      response.end(answer(new URL(request.url, at).searchParams, Buffer.concat(chunks)));
    } catch (error) {
      console.error(String(error));
      response.writeHead(500, { 'X-ClickHouse-Exception-Code': '1' });
      response.end(String(error));
    }
  });
}).listen(port, '127.0.0.1');

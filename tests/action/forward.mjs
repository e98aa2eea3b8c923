// forward.mjs HOST PORT - listens on a free port of the address HOST, prints it, and passes every connection on to 127.0.0.1:PORT.
// Ends with its standard input. So that a container on a bridge reaches what listens on loopback only.
import net from 'node:net';

const [host, port] = process.argv.slice(2);
const server = net.createServer((client) => {
  const target = net.connect(Number(port), '127.0.0.1');
  client.pipe(target).pipe(client);
  for (const end of [client, target]) end.on('error', () => [client, target].forEach((socket) => socket.destroy()));
});
server.listen(0, host, () => console.log(server.address().port));
process.stdin.on('end', () => process.exit(0)).resume();

// pull-request.mjs API REPOSITORY NAME BRANCH EVENT - has the stand-in for GitHub at API hold a pull request of a git repository:
// makes octocat/NAME there, puts the commits of `main` and BRANCH into it through GitHub's own git API (the hashes stay what they
// are), opens a pull request from BRANCH to `main`, and writes the payload of its `pull_request` event to the file EVENT.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';

const [api, repository, name, branch, eventFile] = process.argv.slice(2);
const git = (...args) => execFileSync('git', ['-C', repository, ...args], { encoding: 'utf8', maxBuffer: 1 << 28 }).trimEnd();
const call = async (method, path, data) => {
  const answer = await fetch(api + path, {
    method,
    headers: { authorization: 'Bearer ghs_owner', accept: 'application/vnd.github+json', 'content-type': 'application/json' },
    body: data && JSON.stringify(data),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text.slice(0, 500)}`);
  return text ? JSON.parse(text) : null;
};
const same = (what, here, there) => {
  if (here !== there) throw new Error(`${what} is ${here} in ${repository} and ${there} in the stand-in`);
};

await call('POST', '/_fake/repos', { name });
const repo = `/repos/octocat/${name}`;

for (const commit of git('rev-list', '--reverse', '--topo-order', 'main', branch).split('\n')) {
  const tree = [];
  for (const line of git('ls-tree', '-r', '-z', commit).split('\0').filter(Boolean)) {
    const [, mode, type, sha, path] = line.match(/^(\d+) (\w+) (\w+)\t(.*)$/s);
    const content = execFileSync('git', ['-C', repository, 'cat-file', 'blob', sha], { maxBuffer: 1 << 28 }).toString('base64');
    same(path, sha, (await call('POST', `${repo}/git/blobs`, { content, encoding: 'base64' })).sha);
    tree.push({ path, mode, type, sha });
  }
  const made = await call('POST', `${repo}/git/trees`, { tree });
  same('a tree', git('rev-parse', `${commit}^{tree}`), made.sha);
  const show = (format) => git('show', '-s', `--format=${format}`, commit);
  const person = (kind) => ({ name: show(`%${kind}n`), email: show(`%${kind}e`), date: show(`%${kind}I`) });
  const parents = show('%P').split(' ').filter(Boolean);
  const data = { message: show('%B'), tree: made.sha, parents, author: person('a'), committer: person('c') };
  same('a commit', commit, (await call('POST', `${repo}/git/commits`, data)).sha);
}
await call('PATCH', `${repo}/git/refs/heads/main`, { sha: git('rev-parse', 'main'), force: true });
await call('POST', `${repo}/git/refs`, { ref: `refs/heads/${branch}`, sha: git('rev-parse', branch) });
const opened = await call('POST', `${repo}/pulls`, { title: git('show', '-s', '--format=%s', branch), head: branch, base: 'main' });
const pull = await call('GET', `${repo}/pulls/${opened.number}`);
const event = { action: 'opened', number: pull.number, pull_request: pull, repository: await call('GET', repo), sender: pull.user };
writeFileSync(eventFile, JSON.stringify(event, null, 2));
console.log(pull.number);

// github.mjs PACKAGES DESCRIPTION SEED - GitHub's API in four layers, all on 127.0.0.1 and free ports:
//   front      what a client talks to; writes the slashes inside a ref or file path as %2F, since Prism's parameters cannot hold one
//   prism      answers 422 to requests, and 500 to responses, that violate GitHub's description
//   back       undoes the %2F and fills what emulate 0.12.2 lacks: commit statuses, reactions, a pull request's files and
//              moving head, annotations that add up, a few fields, GitHub's limits, bots, tokens that may only read
//   emulate    the state
// Questions in GraphQL end at the front: graphql-js answers them by GitHub's own schema, so that one that GitHub would refuse is refused.
// Beside GitHub's own paths the front has /_fake/repos (make a repository), /_fake/direct/... (past Prism) and /_fake/requests.
import http from 'node:http';
import net from 'node:net';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { spawn } from 'node:child_process';

const [packages, description, seed] = process.argv.slice(2);
const require = createRequire(`${packages}/`);
const { buildSchema, graphql } = require('graphql');
// GitHub's own text has two fields twice, which is no matter here.
const sdl = readFileSync(`${packages}/@octokit/graphql-schema/schema.graphql`, 'utf8');
const schema = buildSchema(sdl, { assumeValidSDL: true });
const statuses = []; // { repo, sha, body }
const reactions = []; // { repo, comment, body }
const requested = []; // { repo, number, body }: events of requests for a review
const annotations = new Map(); // by path of the check run
const requests = []; // { repo, method, path, status }

const listen = (server) => new Promise((done) => server.listen(0, '127.0.0.1', () => done(server.address().port)));
const free = async () => {
  const server = net.createServer();
  const port = await listen(server);
  await new Promise((done) => server.close(done));
  return port;
};
const send = (res, code, body, headers = {}) => {
  res.writeHead(code, { 'content-type': 'application/json; charset=utf-8', ...headers });
  res.end(JSON.stringify(body));
};
const now = () => new Date().toISOString().replace(/\.\d+Z/, 'Z');
const body = async (req) => {
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  return Buffer.concat(chunks);
};
const page = (res, req, url, list) => {
  const size = Math.min(Number(url.searchParams.get('per_page') ?? 30), 100);
  const at = Number(url.searchParams.get('page') ?? 1);
  const last = Math.max(Math.ceil(list.length / size), 1);
  const link = (n, rel) => {
    const to = new URL(url.pathname + url.search, `http://${req.headers.host}`);
    to.searchParams.set('page', n);
    return `<${to}>; rel="${rel}"`;
  };
  const links = at < last ? [link(at + 1, 'next'), link(last, 'last')] : [];
  if (at > 1) links.unshift(link(at - 1, 'prev'), link(1, 'first'));
  send(res, 200, list.slice((at - 1) * size, at * size), links.length ? { link: links.join(', ') } : {});
};
const encodeSlashes = (url) =>
  url.replace(
    /^(\/repos\/[^/]+\/[^/]+\/(?:contents|compare|commits|branches|git\/refs?|git\/matching-refs)\/)([^?]+?)(?=(?:\/(?:status|statuses|check-runs|check-suites|comments|pulls|protection(?:\/.*)?))?(?:\?|$))/,
    (_, start, value) => start + value.replaceAll('/', '%2F'),
  );
const repoOf = (path) => path.match(/^\/(?:_fake\/direct\/)?repos\/([^/]+\/[^/?]+)/)?.[1];
const token = (req) => (req.headers.authorization ?? '').replace(/^(bearer|token) /i, '');
const forbidden = { message: 'Resource not accessible by integration', documentation_url: 'https://docs.github.com/rest', status: '403' };

let validator, emulator, frontPort;
const upstream = () => `http://127.0.0.1:${emulator}`;

async function front(req, res) {
  const url = new URL(req.url, 'http://127.0.0.1');
  if (url.pathname === '/_fake/requests') {
    return send(res, 200, requests.filter((r) => r.repo === url.searchParams.get('repo')));
  }
  if (url.pathname === '/_fake/repos') {
    const { name } = JSON.parse(await body(req));
    const headers = { authorization: 'Bearer ghs_owner', 'content-type': 'application/json' };
    const call = (method, path, data) => fetch(upstream() + path, { method, headers, body: JSON.stringify(data) });
    const made = await call('POST', '/user/repos', { name, auto_init: true });
    for (const [login, permission] of [['github-actions[bot]', 'push'], ['ann', 'push'], ['eve', 'pull']]) {
      await call('PUT', `/repos/octocat/${name}/collaborators/${encodeURIComponent(login)}`, { permission });
    }
    return send(res, made.status, await made.json());
  }
  if (url.pathname === '/graphql') {
    return question(req, res, JSON.parse(await body(req)));
  }
  const direct = url.pathname.startsWith('/_fake/direct/');
  const path = direct ? req.url.slice('/_fake/direct'.length) : encodeSlashes(req.url);
  const on = http.request(
    { host: '127.0.0.1', port: direct ? backPort : validator, method: req.method, path, headers: req.headers },
    (answer) => {
      if (!direct) requests.push({ repo: repoOf(req.url) ?? null, method: req.method, path: req.url, status: answer.statusCode });
      res.writeHead(answer.statusCode, answer.rawHeaders);
      answer.pipe(res);
      // A response that violates GitHub's description is a fault of this stand-in: say why.
      if (answer.statusCode >= 500) body(answer).then((text) => console.error(`${req.method} ${req.url}: ${text}`));
    },
  );
  on.on('error', (e) => send(res, 502, { message: String(e) }));
  req.pipe(on);
}

// A question in GraphQL, answered from emulate's state.
async function question(req, res, { query, variables }) {
  const headers = { authorization: 'Bearer ghs_owner' };
  const get = async (path) => (await fetch(`${upstream()}${path}`, { headers })).json();
  const login = { ghs_job: 'github-actions[bot]', ghs_readonly: 'github-actions[bot]', ghs_ann: 'ann' }[token(req)] ?? 'octocat';
  const pull = (root) => ({ number }) => ({
    number,
    comments: async ({ first }) => {
      const all = await get(`${root}/issues/${number}/comments?per_page=${first}`);
      return { nodes: all.map((c) => ({ fullDatabaseId: String(c.id), body: c.body, viewerDidAuthor: c.user.login === login })) };
    },
  });
  const rootValue = {
    viewer: { login },
    // Reviews here are never edited.
    node: ({ id }) => ({ __typename: 'PullRequestReview', id, lastEditedAt: null }),
    repository: ({ owner, name }) => {
      if (login === 'ann') throw new Error('Resource not accessible by integration');
      const root = `/repos/${owner}/${name}`;
      return {
        pullRequests: async ({ states, first, orderBy }) => {
          requests.push({ repo: `${owner}/${name}`, method: 'POST', path: `${root}/pulls by graphql`, status: 200 });
          const by = `state=${states.join().toLowerCase()}&sort=updated&direction=${orderBy.direction.toLowerCase()}&per_page=${first}`;
          return { nodes: (await get(`${root}/pulls?${by}`)).map(pull(root)) };
        },
      };
    },
  };
  const answer = await graphql({ schema, source: query, variableValues: variables, rootValue });
  for (const error of answer.errors ?? []) console.error(`GraphQL: ${error.message}`);
  return send(res, 200, answer);
}

// A user whose login ends in [bot] is a bot wherever it is shown, and its addresses have the brackets encoded, as GitHub does.
const bots = (node) => {
  if (node === null || typeof node !== 'object') return;
  if (typeof node.login === 'string' && node.login.endsWith('[bot]')) {
    node.type = 'Bot';
    for (const [key, value] of Object.entries(node)) {
      if (key.endsWith('url')) node[key] = value.replaceAll('[bot]', '%5Bbot%5D');
    }
  }
  Object.values(node).forEach(bots);
};

async function back(req, res) {
  const raw = await body(req);
  const path = req.url.replaceAll(/%2F/gi, '/');
  const url = new URL(path, upstream());
  const headers = { ...req.headers };
  for (const name of ['connection', 'content-length', 'transfer-encoding', 'accept-encoding']) delete headers[name];
  const up = (path, init) => fetch(new URL(path, upstream()), { headers, redirect: 'manual', ...init });
  const json = async (path) => {
    const answer = await up(path);
    if (!answer.ok) throw Object.assign(new Error(path), { answer });
    const data = await answer.json();
    bots(data);
    return data;
  };
  const [, repo, rest] = url.pathname.match(/^\/repos\/([^/]+\/[^/]+)(?:\/(.*))?$/) ?? [];
  let m;

  if (req.method !== 'GET' && token(req) === 'ghs_readonly') return send(res, 403, forbidden);
  if (url.pathname === '/user' && ['ghs_job', 'ghs_readonly'].includes(token(req))) return send(res, 403, forbidden);

  if (req.method === 'POST' && (m = rest?.match(/^statuses\/([^/]+)$/))) {
    const [user, commit] = [await json('/user'), await json(`/repos/${repo}/commits/${m[1]}`)];
    const given = JSON.parse(raw);
    if ([...(given.description ?? '')].length > 140) {
      return send(res, 422, { message: 'Validation Failed', documentation_url: 'https://docs.github.com/rest' });
    }
    const id = statuses.length + 1;
    const status = {
      url: `http://127.0.0.1:${frontPort}/repos/${repo}/statuses/${commit.sha}`,
      avatar_url: user.avatar_url,
      id,
      node_id: Buffer.from(`StatusContext${id}`).toString('base64'),
      state: given.state,
      description: given.description ?? null,
      target_url: given.target_url ?? null,
      context: given.context ?? 'default',
      created_at: now(),
      updated_at: now(),
      creator: user,
    };
    statuses.unshift({ repo, sha: commit.sha, body: status });
    return send(res, 201, status);
  }
  if (req.method === 'GET' && (m = rest?.match(/^commits\/(.+)\/(status|statuses)$/))) {
    const { sha } = await json(`/repos/${repo}/commits/${m[1]}`);
    const all = statuses.filter((s) => s.repo === repo && s.sha === sha).map((s) => s.body);
    if (m[2] === 'statuses') return page(res, req, url, all);
    const latest = all.filter((s, i) => all.findIndex((o) => o.context === s.context) === i);
    const has = (...states) => latest.some((s) => states.includes(s.state));
    return send(res, 200, {
      state: has('error', 'failure') ? 'failure' : has('pending') || !latest.length ? 'pending' : 'success',
      statuses: latest,
      sha,
      total_count: latest.length,
      repository: await json(`/repos/${repo}`),
      commit_url: `http://127.0.0.1:${frontPort}/repos/${repo}/commits/${sha}`,
      url: `http://127.0.0.1:${frontPort}/repos/${repo}/commits/${sha}/status`,
    });
  }
  if ((m = rest?.match(/^issues\/comments\/(\d+)\/reactions$/))) {
    await json(`/repos/${repo}/issues/comments/${m[1]}`);
    const all = reactions.filter((r) => r.repo === repo && r.comment === m[1]).map((r) => r.body);
    if (req.method === 'GET') return page(res, req, url, all);
    const user = token(req) === 'ghs_job' ? (await json('/users/github-actions[bot]')) : await json('/user');
    const { content } = JSON.parse(raw);
    const there = all.find((r) => r.user.login === user.login && r.content === content);
    if (there) return send(res, 200, there);
    const id = reactions.length + 1;
    const made = { id, node_id: Buffer.from(`Reaction${id}`).toString('base64'), user, content, created_at: now() };
    reactions.push({ repo, comment: m[1], body: made });
    return send(res, 201, made);
  }
  if (req.method === 'GET' && (m = rest?.match(/^issues\/(\d+)\/events$/))) {
    return page(res, req, url, requested.filter((r) => r.repo === repo && r.number === m[1]).map((r) => r.body));
  }
  if (req.method === 'POST' && (m = rest?.match(/^pulls\/(\d+)\/requested_reviewers$/))) {
    const asked = JSON.parse(raw);
    const unknown = [];
    for (const login of asked.reviewers ?? []) if (!(await up(`/users/${login}`)).ok) unknown.push(login);
    for (const slug of asked.team_reviewers ?? []) if (slug !== 'databases') unknown.push(slug);
    if (unknown.length) {
      const message = 'Reviews may only be requested from collaborators. One or more of the users or teams you specified is not a collaborator.';
      return send(res, 422, { message, documentation_url: 'https://docs.github.com/rest' });
    }
    // emulate knows no teams: a request to one is only an event.
    const people = { method: 'POST', body: JSON.stringify({ reviewers: asked.reviewers ?? [] }) };
    const answer = await (asked.reviewers?.length ? up(path, people) : up(`/repos/${repo}/pulls/${m[1]}`));
    if (!answer.ok) return send(res, answer.status, await answer.json());
    const actor = await json('/users/octocat');
    const at = `http://127.0.0.1:${frontPort}/organizations/1/team/1`;
    const team = (slug) => ({
      id: 1,
      node_id: 'VGVhbTE=',
      name: slug,
      slug,
      description: null,
      privacy: 'closed',
      permission: 'pull',
      url: at,
      html_url: `https://github.com/orgs/octocat/teams/${slug}`,
      members_url: `${at}/members{/member}`,
      repositories_url: `${at}/repos`,
      parent: null,
    });
    const whom = [
      ...(await Promise.all((asked.reviewers ?? []).map(async (login) => ({ requested_reviewer: await json(`/users/${login}`) })))),
      ...(asked.team_reviewers ?? []).map((slug) => ({ requested_team: team(slug) })),
    ];
    for (const who of whom) {
      const id = requested.length + 1;
      const event = {
        id,
        node_id: Buffer.from(`Event${id}`).toString('base64'),
        url: `http://127.0.0.1:${frontPort}/repos/${repo}/issues/events/${id}`,
        actor,
        event: 'review_requested',
        commit_id: null,
        commit_url: null,
        created_at: now(),
        performed_via_github_app: null,
        review_requester: actor,
        ...who,
      };
      requested.push({ repo, number: m[1], body: event });
    }
    const pull = await answer.json();
    bots(pull);
    for (const label of pull.labels) label.description ??= '';
    return send(res, 201, pull);
  }
  if (req.method === 'GET' && (m = rest?.match(/^pulls\/(\d+)\/files$/))) {
    const pull = await json(`/repos/${repo}/pulls/${m[1]}`);
    const compare = await json(`/repos/${repo}/compare/${pull.base.sha}...${pull.head.sha}`);
    return page(res, req, url, compare.files);
  }

  let sent = raw.length ? raw : undefined;
  if (/^issues\/(\d+\/comments|comments\/\d+)$/.test(rest ?? '') && raw.length && [...JSON.parse(raw).body].length > 65536) {
    const errors = [{ resource: 'IssueComment', code: 'unprocessable', field: 'data', message: 'Body is too long (maximum is 65536 characters)' }];
    return send(res, 422, { message: 'Validation Failed', errors, documentation_url: 'https://docs.github.com/rest' });
  }
  if (/^check-runs(\/\d+)?$/.test(rest ?? '') && raw.length) {
    const run = JSON.parse(raw);
    if ((run.output?.annotations ?? []).length > 50) {
      return send(res, 422, { message: 'No more than 50 annotations', documentation_url: 'https://docs.github.com/rest' });
    }
    if (run.conclusion && !run.status) run.status = 'completed';
    // An update adds its annotations to those that are there; emulate puts them in their place.
    if (req.method === 'PATCH' && run.output?.annotations) {
      const key = `${repo}/${rest}`;
      annotations.set(key, [...(annotations.get(key) ?? []), ...run.output.annotations]);
      run.output.annotations = annotations.get(key);
    }
    sent = JSON.stringify(run);
  }

  const answer = await up(path, { method: req.method, body: sent });
  let bytes = Buffer.from(await answer.arrayBuffer());
  const passed = Object.fromEntries(answer.headers);
  for (const name of ['connection', 'content-length', 'transfer-encoding', 'content-encoding', 'keep-alive']) delete passed[name];
  if (answer.ok && /json/.test(passed['content-type'] ?? '') && bytes.length) {
    const data = JSON.parse(bytes);
    bots(data);
    if (repo && /check-runs/.test(rest ?? '') && !/annotations/.test(rest)) {
      for (const run of data.check_runs ?? [data]) if (run.output) run.output.annotations_url ??= `${run.url}/annotations`;
    }
    if (/^collaborators\/[^/]+\/permission$/.test(rest ?? '')) {
      data.permission = { push: 'write', maintain: 'write', pull: 'read', triage: 'read' }[data.permission] ?? data.permission;
      data.user.role_name ??= data.role_name;
    }
    // A pull request's head follows its branch, whichever way that was moved.
    if (req.method === 'GET' && /^pulls\/\d+$/.test(rest ?? '') && data.head.repo) {
      const ref = await up(`/repos/${data.head.repo.full_name}/git/ref/heads/${data.head.ref}`);
      if (ref.ok) data.head.sha = (await ref.json()).object.sha;
    }
    const whole = repo && rest === undefined && req.method === 'GET' ? { network_count: 0, subscribers_count: 0, ...data } : data;
    bytes = JSON.stringify(whole);
  }
  res.writeHead(answer.status, passed);
  res.end(answer.status === 204 ? undefined : bytes);
}

const serve = (handler) => {
  const server = http.createServer((req, res) =>
    handler(req, res).catch(async (e) => {
      if (res.headersSent) return res.destroy();
      if (e.answer) return send(res, e.answer.status, await e.answer.json());
      send(res, 502, { message: String(e) });
    }),
  );
  // A client that takes up an idle connection in the moment in which it is closed sees a request fail that nobody refused.
  server.keepAliveTimeout = 0;
  return server;
};
const backPort = await listen(serve(back));
frontPort = await listen(serve(front));
[validator, emulator] = [await free(), await free()];

const bin = (name) => `${packages}/.bin/${name}`;
const children = [
  [bin('emulate'), 'start', '--service', 'github', '--port', emulator, '--base-url', `http://127.0.0.1:${frontPort}`, '--seed', seed],
  [bin('prism'), 'proxy', description, `http://127.0.0.1:${backPort}`, '-p', validator, '-h', '127.0.0.1', '--errors', '-v', 'warn'],
].map((args) => spawn(process.execPath, args.map(String), { stdio: ['ignore', 'ignore', 'inherit'] }));
const stop = (code) => {
  children.forEach((child) => child.kill());
  process.exit(code);
};
children.forEach((child) => child.on('exit', () => stop(1)));
process.on('SIGTERM', () => stop(0));
process.on('SIGINT', () => stop(0));
process.stdin.on('end', () => stop(0)).on('error', () => stop(0)).resume();

const begun = Date.now();
for (;;) {
  const up = await fetch(`http://127.0.0.1:${validator}/zen`, { headers: { authorization: 'Bearer ghs_owner' } }).catch(() => null);
  if (up) break;
  if (Date.now() - begun > 60_000) stop(1);
  await new Promise((done) => setTimeout(done, 100));
}
console.log(`ready http://127.0.0.1:${frontPort}`);

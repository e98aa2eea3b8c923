// browser.mjs BROWSER PAGE WORD - opens a local page in headless Chromium, narrow and wide, light and dark, and searches it for WORD as a reader
// would. Prints what it saw as JSON. Speaks the DevTools protocol itself: needs Node 22 or newer and nothing else.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { pathToFileURL } from 'node:url';

const [browser, page, word] = process.argv.slice(2);
const profile = mkdtempSync(`${tmpdir()}/schemaproof-browser-`);
const chromium = spawn(browser, ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run',
  '--remote-debugging-port=0', `--user-data-dir=${profile}`, 'about:blank'], { stdio: ['ignore', 'ignore', 'pipe'] });
const limit = setTimeout(() => end(1, 'the browser did not answer in 90 s'), 90_000);

function end(code, said) {
  clearTimeout(limit);
  if (said) console.error(said);
  chromium.once('exit', () => {
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    process.exit(code);
  });
  chromium.kill('SIGKILL');
}

const address = await new Promise((resolve) => {
  let text = '';
  chromium.stderr.on('data', (data) => {
    text += data;
    const found = text.match(/DevTools listening on (ws:\S+)/);
    if (found) resolve(found[1]);
  });
});
const socket = new WebSocket(address);
await new Promise((resolve) => socket.addEventListener('open', resolve));
const waiting = new Map();
const events = [];
socket.addEventListener('message', ({ data }) => {
  const message = JSON.parse(data);
  if (!message.id) return void events.push(message);
  const { resolve, reject } = waiting.get(message.id);
  message.error ? reject(new Error(JSON.stringify(message.error))) : resolve(message.result);
});
let last = 0;
let sessionId;
const call = (method, params = {}) =>
  new Promise((resolve, reject) => {
    waiting.set((last += 1), { resolve, reject });
    socket.send(JSON.stringify({ id: last, method, params, ...(sessionId && { sessionId }) }));
  });
const ask = async (expression) => {
  const { result, exceptionDetails } = await call('Runtime.evaluate', { expression, returnByValue: true });
  if (exceptionDetails) throw new Error(JSON.stringify(exceptionDetails));
  return result.value;
};

try {
  const { targetId } = await call('Target.createTarget', { url: 'about:blank' });
  ({ sessionId } = await call('Target.attachToTarget', { targetId, flatten: true }));
  for (const domain of ['Page', 'Runtime', 'Network', 'Log']) await call(`${domain}.enable`);
  const seen = [];
  for (const [width, scheme] of [[360, 'light'], [360, 'dark'], [1280, 'light'], [1280, 'dark']]) {
    await call('Emulation.setDeviceMetricsOverride', { width, height: 800, deviceScaleFactor: 1, mobile: width < 600 });
    await call('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
    await call('Page.navigate', { url: pathToFileURL(page).href });
    while ((await ask('document.readyState')) !== 'complete') await new Promise((resolve) => setTimeout(resolve, 20));
    // Contrast as WCAG 2 counts it, of every text against the nearest background.
    seen.push(await ask(`(() => {
      const channel = (value) => (value /= 255) <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
      const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
      const light = (colour) => numbers(colour).slice(0, 3).map(channel).reduce((sum, value, at) => sum + value * [0.2126, 0.7152, 0.0722][at], 0);
      const behind = (element) => {
        for (; element; element = element.parentElement) {
          const colour = getComputedStyle(element).backgroundColor;
          if ((numbers(colour)[3] ?? 1) > 0) return colour;
        }
        return 'rgb(255, 255, 255)';
      };
      const texts = [...document.querySelectorAll('body *:not(svg, svg *, script, style)')]
        .filter((element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()) && element.offsetParent);
      const contrast = texts.map((element) => {
        const [one, other] = [light(getComputedStyle(element).color), light(behind(element))].sort((a, b) => b - a);
        return (one + 0.05) / (other + 0.05);
      });
      return {
        width: ${width}, scheme: '${scheme}',
        overflow: document.documentElement.scrollWidth - innerWidth,
        contrast: Math.min(...contrast),
        background: behind(document.body),
        searchIsShown: !document.querySelector('.search').hidden,
        unnamed: [...document.querySelectorAll('input, a, figure, th')].filter((element) =>
          !(element.labels?.[0] ?? element).textContent.trim()).length,
      };
    })()`));
  }
  const shown = () => ask("[...document.querySelectorAll('[data-search]')].filter((part) => part.offsetParent).map((part) => part.textContent)");
  const all = (await shown()).length;
  await ask("document.getElementById('search').focus()");
  await call('Input.insertText', { text: word });
  const [found, told] = [await shown(), await ask("document.getElementById('found').textContent")];
  const asked = events.filter((event) => event.method === 'Network.requestWillBeSent').map((event) => event.params.request.url);
  const errors = events.filter((event) =>
    event.method === 'Runtime.exceptionThrown' || (event.method === 'Log.entryAdded' && event.params.entry.level === 'error'));
  console.log(JSON.stringify({ seen, all, found, told, elsewhere: asked.filter((url) => !/^(file|about|data):/.test(url)), errors }));
  end(0);
} catch (error) {
  end(1, error.stack);
}

/**
 * The published package, as a stranger meets it: packed, installed in an empty folder, started by its own command, on the newest
 * Node and on the oldest that it promises.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, type TestContext } from 'vitest'
import { callBody } from '#test/simulator.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const scratch = mkdtempSync(join(tmpdir(), 'signalbox-package-'))
afterAll(() => rmSync(scratch, { recursive: true }))

const read = (path: string): string => readFileSync(path, 'utf8')
const manifest = JSON.parse(read(join(root, 'package.json'))) as { version: string; engines: { node: string } }
/** `>=22.19` → `22.19.0`. */
const OLDEST = `${manifest.engines.node.replace('>=', '')}.0`

/** Seconds on an idle machine. */
const SLOWLY_MS = 120_000

const npm = (cwd: string, ...args: readonly string[]) => {
  const { status, stdout, stderr } = spawnSync('npm', [...args, '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd,
    encoding: 'utf8',
    // npm tells its scripts about the project that runs the tests, by variables.
    env: Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_(package|lifecycle)_/.test(name))),
  })
  return { status, stdout, stderr }
}

const emptyFolder = (name: string): string => {
  const folder = join(scratch, name)
  mkdirSync(folder)
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n')
  return folder
}

const consumer = emptyFolder('consumer')
const installed = join(consumer, 'node_modules', 'signalbox')
const command = join(consumer, 'node_modules', '.bin', 'signalbox')

beforeAll(() => {
  const packed = npm(root, 'pack', '--pack-destination', scratch)
  expect(packed.stderr, packed.stderr).toContain('modules and a bill of')
  const added = npm(consumer, 'install', '--prefer-offline', join(scratch, `signalbox-${manifest.version}.tgz`))
  expect(added.status, added.stderr).toBe(0)
}, SLOWLY_MS)

const files = (): readonly string[] =>
  readdirSync(installed, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(installed.length + 1)
        .replaceAll('\\', '/'),
    )

describe('the package', () => {
  it('brings the program, the page and the documents, and nothing of the workshop', () => {
    const brought = files()
    expect(brought).toEqual(
      expect.arrayContaining([
        'LICENSE',
        'README.md',
        'CHANGELOG.md',
        'lib/main.js',
        'lib/infra/event-log/sqlite-writer.js',
        'lib/sbom.cdx.json',
        'lib/dashboard-licences.txt',
        'dist/dashboard/index.html',
        'scenarios/steady.yaml',
        'docs/configuration.schema.json',
      ]),
    )
    expect(brought.filter((path) => /\.tsx?$|\.map$|^(src|test|bench|deploy|node_modules)\//.test(path))).toEqual([])
    expect(brought.filter((path) => path.startsWith('scripts/'))).toEqual(['scripts/signalbox.mjs'])
    expect(brought.filter((path) => path.startsWith('dist/') && !path.startsWith('dist/dashboard/'))).toEqual([])
  })

  it('names only modules that it brings', () => {
    const modules = files().filter((path) => /^lib\/.*\.js$/.test(path))
    const named = modules.flatMap((path) =>
      [...read(join(installed, path)).matchAll(/(?:from|import|import\(|new URL\()\s*'([.#][^']+\.[jt]s)'/g)].map(
        ([, name = '']) =>
          name.startsWith('#') ? `lib/${name.slice(1).replace(/\.ts$/, '.js')}` : join(dirname(path), name),
      ),
    )
    expect(named.length).toBeGreaterThan(modules.length)
    expect([...new Set(named)].filter((path) => !existsSync(join(installed, path)))).toEqual([])
  })

  it('has a bill of materials of all that was installed with it, and of what is in the page', () => {
    const { components } = JSON.parse(read(join(installed, 'lib/sbom.cdx.json'))) as {
      readonly components: readonly { readonly name: string }[]
    }
    const told = new Set(components.map(({ name }) => name))
    const { packages } = JSON.parse(read(join(consumer, 'node_modules/.package-lock.json'))) as {
      readonly packages: Readonly<Record<string, unknown>>
    }
    const names = Object.keys(packages).map((folder) => folder.slice(folder.lastIndexOf('node_modules/') + 13))
    expect(names.length).toBeGreaterThan(10)
    expect(names.filter((name) => name !== 'signalbox' && !told.has(name))).toEqual([])
    expect([...told]).toEqual(expect.arrayContaining(['preact', '@preact/signals', 'uplot']))
    expect(told.has('vite')).toBe(false)
    expect(read(join(installed, 'lib/dashboard-licences.txt'))).toMatch(
      /MIT License[\s\S]+\npreact \d[\s\S]+\nuplot \d/,
    )
  })

  it('serves on the Node of the project', () => servesWith(process.execPath, 'newest'), SLOWLY_MS)

  it(
    `serves on Node ${OLDEST}, the oldest that it promises`,
    (context) => {
      const node = oldestNode(context)
      expect(spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim()).toBe(`v${OLDEST}`)
      return servesWith(node, 'oldest')
    },
    SLOWLY_MS,
  )
})

const JSON_BODY = { 'content-type': 'application/json' }

/** Node's own binary, as npm has it for this platform. */
const oldestNode = ({ skip }: TestContext): string => {
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`
  const folder = emptyFolder('oldest-node')
  const { status, stderr } = npm(folder, 'install', '--prefer-offline', `${name}@${OLDEST}`)
  if (status !== 0) skip(`NOT RUN: ${name}@${OLDEST} could not be had: ${stderr}`)
  return join(folder, 'node_modules', name, 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
}

/** Starts the installed command, has a request answered, reads the page, stops it, and has the log checked. */
const servesWith = async (node: string, name: string): Promise<void> => {
  const home = join(scratch, name)
  mkdirSync(home)
  const env: NodeJS.ProcessEnv = {
    PATH: process.env.PATH,
    HOME: home,
    SIGNALBOX_DATABASE_URL: `sqlite:${join(home, 'log.db')}`,
    SIGNALBOX_FEATURES__SIMULATOR: 'on',
    // A worker thread more.
    SIGNALBOX_CAPTURE__ENABLED: 'true',
    SIGNALBOX_CAPTURE__KEY: '{ env: CAPTURE_KEY }',
    CAPTURE_KEY: '0'.repeat(64),
  }
  const child = spawn(node, [command, 'serve', '--port', '0'], { cwd: home, env, stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const output = listen(child)
  const [, url = ''] = await output.printed(/listens on (http:\/\/127\.0\.0\.1:\d+)/)
  expect(output.text()).toContain('signalbox events --follow')

  const answer = await fetch(`${url}/v1/messages`, {
    method: 'POST',
    headers: JSON_BODY,
    body: JSON.stringify(callBody()),
  })
  expect(answer.status).toBe(200)
  expect(await answer.json()).toMatchObject({ type: 'message', role: 'assistant' })
  const page = await fetch(`${url}/`, { headers: { accept: 'text/html' } })
  expect(await page.text()).toContain('<title>')

  child.kill('SIGTERM')
  expect(await output.ended).toBe(0)
  const verified = spawnSync(node, [command, 'verify'], { cwd: home, env, encoding: 'utf8' })
  expect(`${verified.stdout}${verified.stderr}`).toContain('Sound')
  const played = spawnSync(node, [command, 'simulate', 'steady', '--json'], { cwd: home, env, encoding: 'utf8' })
  expect(JSON.parse(played.stdout)).toMatchObject({ scenario: 'steady' })
}

const listen = (child: ChildProcess) => {
  let text = ''
  const heard = new Set<() => void>()
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (more: string) => {
      text += more
      for (const look of heard) look()
    })
  }
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  return {
    text: () => text,
    ended,
    /** Rejects when it ends first. */
    printed: (pattern: RegExp) =>
      new Promise<RegExpExecArray>((resolve, reject) => {
        const look = (): void => {
          const found = pattern.exec(text)
          if (found !== null) resolve(found)
        }
        heard.add(look)
        look()
        void ended.then((code) => reject(new Error(`it ended with ${code}: ${text}`)))
      }),
  }
}

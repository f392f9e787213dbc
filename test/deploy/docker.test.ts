/**
 * The image: its Dockerfile is sound, gets only what it needs, and ends as nobody's program. `npm run image:dry` walks its steps.
 */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { validate } from 'dockerfile-utils'
import { describe, expect, it } from 'vitest'
import { inContext, listIn, type Step, stagesOf } from '../../scripts/package/dockerfile.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const text = read('deploy/docker/Dockerfile')
const stages = stagesOf(text)
const last = stages.at(-1)
const isSent = inContext(read('.dockerignore'))

const HEALTHCHECK = join(root, 'deploy/docker/healthcheck.mjs')

const copies = (from: string | undefined): readonly Extract<Step, { _tag: 'Copy' }>[] =>
  stages.flatMap(({ steps }) => steps.flatMap((step) => (step._tag === 'Copy' && step.from === from ? [step] : [])))

describe('the Dockerfile', () => {
  it('is one, without anything that is deprecated or unknown', () => {
    expect(validate(text)).toEqual([])
    expect(validate('FORM node\n')).not.toEqual([])
  })

  it('names its bases by a tag that says what they are', () => {
    expect(stages.length).toBeGreaterThan(1)
    const [major] = JSON.parse(read('package.json')).devDependencies.node.split('.')
    for (const { image } of stages) {
      expect(image).toMatch(/:(?!latest$)[\w.-]+$/)
      expect(image).toContain(major)
    }
  })

  it('copies from the context what there is, and what is sent', () => {
    const named = copies(undefined).flatMap(({ sources }) => sources)
    expect(named).toEqual(expect.arrayContaining(['package.json', 'src', 'deploy/docker/healthcheck.mjs']))
    expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([])
    expect(named.filter((path) => !isSent(path))).toEqual([])
  })

  it('copies from stages that come before', () => {
    const names = stages.map(({ name }) => name)
    const sources = stages.flatMap(({ steps }, index) =>
      steps.flatMap((step) => (step._tag === 'Copy' && step.from !== undefined ? [[index, step.from] as const] : [])),
    )
    expect(sources.length).toBeGreaterThan(2)
    for (const [index, from] of sources) expect(names.slice(0, index)).toContain(from)
  })

  it('installs what is locked, and runs no script of a package', () => {
    const installs = stages
      .flatMap(({ steps }) => steps)
      .flatMap((step) => (step._tag === 'Run' && /\bnpm\b/.test(step.command) ? [step.command] : []))
    expect(installs).toHaveLength(2)
    for (const command of installs) expect(command).toMatch(/^npm ci .*--ignore-scripts/)
  })

  it('ends as a user by number who is not root, with nothing run in the last stage', () => {
    expect(last?.user).toMatch(/^[1-9]\d+:[1-9]\d+$/)
    expect(last?.steps.filter(({ _tag }) => _tag === 'Run')).toEqual([])
    expect([last?.entrypoint.at(-1), last?.command]).toEqual(['/app/lib/main.js', ['serve']])
  })

  it('asks clients for keys where it listens to everybody', () => {
    expect(last?.environment).toMatchObject({
      SIGNALBOX_HOST: '0.0.0.0',
      SIGNALBOX_SERVER__CLIENT_KEYS: 'required',
      XDG_DATA_HOME: '/data',
    })
  })

  it('refuses to be read where it does what is not looked at here', () => {
    expect(() => stagesOf('FROM a\nADD x y\n')).toThrow('ADD is not known')
    expect(() => stagesOf('RUN x\n')).toThrow('before the first FROM')
  })
})

describe('the context', () => {
  it('holds no history, no configuration, no log and no key of whoever builds', () => {
    for (const path of [
      '.git/config',
      '.env',
      'src/.env.local',
      'src/log.db',
      'scripts/x.log',
      'signalbox.yaml',
      'deploy/compose/secrets/admin_token',
      'node_modules/effect/package.json',
      'test/docs/links.test.ts',
    ])
      expect([path, isSent(path)]).toEqual([path, false])
  })

  it('holds every source', () => {
    const sources = readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    expect(sources.length).toBeGreaterThan(100)
    expect(sources.filter((path) => !isSent(path))).toEqual([])
  })
})

describe('the health check', () => {
  const ask = async (status: number | undefined) => {
    const server = createServer((request, response) => {
      response.writeHead(request.url === '/livez' ? (status ?? 200) : 404).end()
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    if (status === undefined) await new Promise((resolve) => server.close(resolve))
    const told = await new Promise((resolve) =>
      execFile(process.execPath, [HEALTHCHECK], { env: { SIGNALBOX_PORT: String(port) } }, (error, _, said) =>
        resolve([error === null ? 0 : error.code, said.trim()]),
      ),
    )
    server.close()
    return told
  }

  it('is a program of the image, without a shell', () => {
    expect(listIn(last?.healthcheck ?? '')).toEqual(['/nodejs/bin/node', 'healthcheck.mjs'])
  })

  it.each([
    [200, [0, '']],
    [503, [1, 'signalbox: /livez: 503']],
    [undefined, [1, 'signalbox: /livez: ECONNREFUSED']],
  ])('of an answer %s is %s', async (status, told) => {
    expect(await ask(status)).toEqual(told)
  })
})

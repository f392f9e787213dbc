/**
 * The compose file, the stack for a swarm, and what they mount: checked by Docker's own client where it is installed, and by what
 * they promise everywhere.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Effect } from 'effect'
import { describe, expect, it, onTestFinished } from 'vitest'
import { parse, stringify } from 'yaml'
import { loadConfig } from '#infra/config/load.ts'
import { by, check, isInstalled } from '#test/checkers.ts'
import { byPromtool, hasPromtool, promtool } from '#test/promtool.ts'
import { stagesOf } from '../../scripts/package/dockerfile.ts'

interface Service {
  readonly image: string
  readonly user?: string
  readonly read_only?: boolean
  readonly cap_drop?: readonly string[]
  readonly security_opt?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly networks: readonly string[]
  readonly volumes?: readonly string[]
  readonly secrets?: readonly (string | { readonly source: string })[]
  readonly configs?: readonly { readonly source: string }[]
  readonly healthcheck?: object
  readonly stop_grace_period?: string
  readonly deploy?: { readonly replicas?: number; readonly endpoint_mode?: string }
  readonly depends_on?: Readonly<Record<string, object>>
}
interface Compose {
  readonly services: Readonly<Record<string, Service>>
  readonly networks: Readonly<Record<string, { readonly internal?: boolean } | null>>
  readonly volumes: Readonly<Record<string, unknown>>
  readonly secrets: Readonly<Record<string, { readonly file?: string; readonly external?: boolean }>>
  readonly configs?: Readonly<Record<string, { readonly file: string }>>
}

const deploy = fileURLToPath(new URL('../../deploy/', import.meta.url))
const read = (path: string): string => readFileSync(join(deploy, path), 'utf8')
const files = ['compose/compose.yaml', 'swarm/stack.yaml'] as const
const load = (path: string): Compose => parse(read(path), { merge: true }) as Compose
const compose = load('compose/compose.yaml')
const stack = load('swarm/stack.yaml')

/** Longest that requests under way may go on, in seconds. */
const DRAIN_S = 300
const seconds = (period = ''): number =>
  [...period.matchAll(/(\d+)([ms])/g)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * (unit === 'm' ? 60 : 1),
    0,
  )

/** As the client of a swarm takes it: it knows the same language but for these. */
const forTheClient = (file: Compose): string =>
  stringify({
    ...Object.fromEntries(Object.entries(file).filter(([key]) => key !== 'name')),
    services: Object.fromEntries(
      Object.entries(file.services).map(([name, service]) => [
        name,
        { ...service, ...(service.depends_on === undefined ? {} : { depends_on: Object.keys(service.depends_on) }) },
      ]),
    ),
  })

const hasDocker = isInstalled('docker', ['--version'])
const hasHaproxy = isInstalled('haproxy', ['-v'])

describe.skipIf(!hasDocker)(by('docker', hasDocker, 'Docker’s client'), () => {
  const config = (text: string) => check('docker', ['stack', 'config', '--compose-file', '-'], text)

  it('takes the compose file', () => {
    expect(config(forTheClient(compose))).toMatchObject({ status: 0 })
  })

  it('takes the stack as it is', () => {
    expect(check('docker', ['stack', 'config', '--compose-file', join(deploy, 'swarm/stack.yaml')])).toMatchObject({
      status: 0,
    })
  })

  it('would say what it does not know', () => {
    const wrong = forTheClient(compose).replaceAll('read_only: true', 'read_olny: true')
    expect(config(wrong).output).toContain('Additional property read_olny is not allowed')
  })
})

describe.each(files)('%s', (path) => {
  const file = load(path)
  const services = Object.entries(file.services)

  it('lets no service write to its image, keep a capability, or be root', () => {
    expect(services.length).toBeGreaterThan(2)
    for (const [name, service] of services) {
      expect([name, service.read_only, service.cap_drop]).toEqual([name, true, ['ALL']])
      // Of the others, the image itself names a user.
      if (/^(haproxy|postgres):/.test(service.image)) expect(service.user).not.toBe(undefined)
    }
  })

  it('pins images by their tags', () => {
    for (const [, { image }] of services) expect(image).toMatch(/^[\w/]+:\d|^prom\/prometheus:v\d|^\$\{SIGNALBOX_IMAGE/)
  })

  it('refers only to what it defines, and defines only what is used', () => {
    const used = (pick: (service: Service) => readonly string[]) =>
      [...new Set(services.flatMap(([, one]) => pick(one)))].sort()
    const names = (of: readonly (string | { readonly source: string })[] = []) =>
      of.map((one) => (typeof one === 'string' ? one : one.source))
    expect(used(({ networks }) => networks)).toEqual(Object.keys(file.networks).sort())
    expect(used(({ secrets }) => names(secrets))).toEqual(Object.keys(file.secrets).sort())
    expect(used(({ configs }) => names(configs))).toEqual(Object.keys(file.configs ?? {}).sort())
    const volumes = used((one) => (one.volumes ?? []).flatMap((volume) => /^([a-z]+):/.exec(volume)?.[1] ?? []))
    expect(volumes).toEqual(Object.keys(file.volumes).sort())
  })

  it('mounts files that there are', () => {
    const mounted = services.flatMap(([, one]) =>
      (one.volumes ?? []).flatMap((volume) => /^(\.[^:]+):/.exec(volume)?.[1] ?? []),
    )
    const configs = Object.values(file.configs ?? {}).map(({ file: at }) => at)
    const paths = [...mounted, ...configs].map((one) => join(deploy, path, '..', one))
    expect(paths.length).toBeGreaterThan(1)
    expect(paths.filter((one) => !existsSync(one))).toEqual([])
  })

  it('keeps secrets out of the file, the environment and the image', () => {
    for (const { file: at, external } of Object.values(file.secrets))
      expect(external === true || at?.startsWith('./secrets/')).toBe(true)
    for (const [, { environment = {} }] of services)
      for (const [name, value] of Object.entries(environment))
        if (/PASSWORD|TOKEN|KEY/.test(name)) expect(value).toMatch(/\/run\/secrets\//)
    const url = new URL(file.services.signalbox?.environment?.SIGNALBOX_DATABASE_URL ?? '')
    expect([url.password, url.searchParams.get('passwordfile')]).toEqual(['', '/run/secrets/database_password'])
  })

  it('lets requests under way finish', () => {
    for (const name of ['signalbox', 'balancer'])
      expect(seconds(file.services[name]?.stop_grace_period)).toBeGreaterThan(DRAIN_S)
    const [, hard = ''] = /hard-stop-after (\w+)/.exec(read('compose/haproxy.cfg')) ?? []
    expect(seconds(hard)).toBeGreaterThan(DRAIN_S)
  })

  it('runs several instances that only the balancer and the scraper reach', () => {
    expect(file.services.signalbox?.deploy?.replicas).toBe(2)
    expect(file.services.signalbox).not.toHaveProperty('ports')
    expect(file.services.postgres?.networks).toEqual(['data'])
    expect(file.networks.data?.internal).toBe(true)
  })
})

describe('the names', () => {
  it('by which the balancer and Prometheus look for instances are those of the service', () => {
    expect(read('compose/haproxy.cfg')).toMatch(/server-template \w+ \d+ signalbox:8080/)
    const { scrape_configs } = parse(read('compose/prometheus.yml')) as {
      readonly scrape_configs: readonly { readonly job_name: string; readonly dns_sd_configs: readonly object[] }[]
    }
    expect(scrape_configs).toMatchObject([
      { job_name: 'signalbox', dns_sd_configs: [{ names: ['signalbox'], port: 8080 }] },
    ])
    expect(stack.services.signalbox?.deploy?.endpoint_mode).toBe('dnsrr')
  })

  it('of the folders are those that Grafana’s provisioning and the image expect', () => {
    const mounts = compose.services.grafana?.volumes ?? []
    const { providers } = parse(read('grafana/provisioning/dashboards/signalbox.yml'))
    expect(mounts.map((one) => one.split(':')[1])).toEqual(
      expect.arrayContaining(['/etc/grafana/provisioning', providers[0].options.path]),
    )
    const { environment = {} } = stagesOf(read('docker/Dockerfile')).at(-1) ?? {}
    expect(compose.services.signalbox?.volumes).toEqual([
      `./signalbox.yaml:${environment.XDG_CONFIG_HOME}/signalbox/signalbox.yaml:ro`,
      environment.XDG_DATA_HOME,
    ])
  })
})

it('the configuration of the instances loads with the environment that they get', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-compose-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'signalbox.yaml'), read('compose/signalbox.yaml'))
  const environment = {
    ...stagesOf(read('docker/Dockerfile')).at(-1)?.environment,
    XDG_CONFIG_HOME: undefined,
    ...compose.services.signalbox?.environment,
  }
  expect(stack.services.signalbox?.environment).toEqual(compose.services.signalbox?.environment)
  const config = await Effect.runPromise(loadConfig({ cwd: folder, home: folder, environment }))
  expect(config.warnings).toEqual([])
  expect(config.server).toMatchObject({ host: '0.0.0.0', port: 8080, clientKeys: 'required' })
  expect(config.database.url).toMatch(/^postgres:\/\/signalbox@postgres/)
})

describe.skipIf(!hasPromtool)(byPromtool('Prometheus'), () => {
  it('takes its configuration', () => {
    const { status, output } = promtool(['check', 'config', '--syntax-only', join(deploy, 'compose/prometheus.yml')])
    expect(output).toContain('SUCCESS')
    expect(status).toBe(0)
  })
})

describe.skipIf(!hasHaproxy)(by('haproxy', hasHaproxy, 'HAProxy'), () => {
  it('takes its configuration', () => {
    expect(check('haproxy', ['-c', '-f', join(deploy, 'compose/haproxy.cfg')])).toMatchObject({ status: 0 })
  })
})

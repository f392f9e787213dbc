/**
 * The manifests for Kubernetes: built by kubectl's own kustomize where it is installed, every object against the schema of
 * Kubernetes (scripts/kubernetes-schema.ts), and what they promise.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Ajv } from 'ajv'
import { Effect } from 'effect'
import { describe, expect, it, onTestFinished } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { loadConfig } from '#infra/config/load.ts'
import { by, check, isInstalled } from '#test/checkers.ts'
import { stagesOf } from '../../scripts/package/dockerfile.ts'

interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string }
  readonly data?: Labels
}

type Labels = Readonly<Record<string, string>>
interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string }
}
interface Container {
  readonly env: readonly object[]
  readonly ports: readonly object[]
  readonly securityContext: object
  readonly readinessProbe: Probe
  readonly livenessProbe: Probe
  readonly startupProbe: Probe
  readonly volumeMounts: readonly { readonly mountPath: string; readonly name: string }[]
}
interface Egress {
  readonly to: readonly { readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] } }[]
}

/** What is read of each kind here; that it is there, the schema has checked before. */
interface Specs {
  readonly Deployment: {
    readonly replicas?: number
    readonly strategy: { readonly type: string; readonly rollingUpdate?: object }
    readonly selector: { readonly matchLabels: Labels }
    readonly template: {
      readonly metadata: { readonly labels: Labels }
      readonly spec: {
        readonly automountServiceAccountToken: boolean
        readonly terminationGracePeriodSeconds: number
        readonly securityContext: { readonly runAsUser: number; readonly runAsGroup: number }
        readonly containers: readonly [Container]
        readonly volumes: readonly { readonly name: string }[]
      }
    }
  }
  readonly HorizontalPodAutoscaler: { readonly minReplicas: number }
  readonly NetworkPolicy: { readonly policyTypes: readonly string[]; readonly egress?: readonly Egress[] }
  readonly PodDisruptionBudget: { readonly maxUnavailable: number }
  readonly PrometheusRule: object
  readonly Service: { readonly selector: Labels }
  readonly ServiceMonitor: { readonly endpoints: readonly object[] }
}

const folder = fileURLToPath(new URL('../../deploy/kubernetes/', import.meta.url))
const schema = JSON.parse(
  readFileSync(new URL('../fixtures/kubernetes/manifests.schema.json', import.meta.url), 'utf8'),
) as { readonly definitions: { readonly Manifests: { readonly properties: Readonly<Record<string, object>> } } }
const ajv = new Ajv({ strict: false, allErrors: true }).addSchema(schema, 'kubernetes')

/** What is wrong with an object. */
const faults = (manifest: Manifest): readonly string[] => {
  const type = schema.definitions.Manifests.properties[manifest.kind]
  if (type === undefined) return [`${manifest.kind} is not in the schema`]
  const isValid = ajv.compile({ $ref: `kubernetes#/definitions/Manifests/properties/${manifest.kind}` })
  if (isValid(manifest)) return []
  return (isValid.errors ?? []).map((error) => `${error.instancePath} ${error.message} ${JSON.stringify(error.params)}`)
}

const hasKubectl = isInstalled('kubectl', ['kustomize', '--help'])
const overlays = readdirSync(join(folder, 'overlays'))

const build = (overlay: string): readonly Manifest[] => {
  const built = check('kubectl', ['kustomize', join(folder, 'overlays', overlay)])
  expect(built.status, built.output).toBe(0)
  return parseAllDocuments(built.stdout).map((document) => document.toJS() as Manifest)
}

describe('the schema', () => {
  const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'a' }, spec: { ports: [{ port: 1 }] } }

  it('knows what is right', () => expect(faults(service)).toEqual([]))

  it.each([
    [{ ...service, spec: { port: [] } }, 'additionalProperty":"port"'],
    [{ ...service, spec: { ports: [{ name: 'x' }] } }, 'missingProperty":"port"'],
    [{ ...service, apiVersion: 'apps/v1' }, '/apiVersion'],
    [{ ...service, kind: 'Serviette' }, 'Serviette is not in the schema'],
  ])('finds what is not', (manifest, told) => expect(faults(manifest).join('\n')).toContain(told))
})

describe('the files', () => {
  const kustomizations = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('kustomization.yaml'))
    .map((path) => path.replaceAll('\\', '/'))

  it.each(kustomizations)('%s names those that there are', (path) => {
    const {
      resources = [],
      components = [],
      patches = [],
      configMapGenerator = [],
    } = parse(readFileSync(join(folder, path), 'utf8'))
    const named = [
      ...resources,
      ...components,
      ...patches.flatMap((one: { readonly path?: string }) => one.path ?? []),
      ...configMapGenerator.flatMap((one: { readonly files: readonly string[] }) => one.files),
    ]
    expect(named.length).toBeGreaterThan(0)
    expect(named.filter((one: string) => !existsSync(join(folder, dirname(path), one)))).toEqual([])
  })
})

describe.skipIf(!hasKubectl).each(overlays)(by('kubectl', hasKubectl, 'the overlay %s'), (overlay) => {
  const manifests = hasKubectl ? build(overlay) : []
  const all = (kind: string) => manifests.filter((manifest) => manifest.kind === kind)
  const specs = <K extends keyof Specs>(kind: K): readonly Specs[K][] =>
    // Specs says what the schema has checked of this kind.
    all(kind).map((manifest) => (manifest as Manifest & { readonly spec: Specs[K] }).spec)
  const spec = <K extends keyof Specs>(kind: K): Specs[K] => {
    const [one, ...others] = specs(kind)
    if (one === undefined || others.length > 0) throw new Error(`there is not one ${kind}`)
    return one
  }

  it('is made of objects as Kubernetes knows them', () => {
    expect(manifests.length).toBeGreaterThan(4)
    expect(manifests.flatMap((manifest) => faults(manifest).map((fault) => `${manifest.kind}: ${fault}`))).toEqual([])
  })

  it('puts everything into one namespace, under its name', () => {
    expect([...new Set(manifests.map(({ metadata }) => metadata.namespace))]).toEqual(['signalbox'])
    const { selector, template } = spec('Deployment')
    for (const labels of [spec('Service').selector, selector.matchLabels])
      expect(template.metadata.labels).toMatchObject(labels)
  })

  it('meets the restricted pod security standard', () => {
    const { securityContext, containers, automountServiceAccountToken } = spec('Deployment').template.spec
    const { user } = stagesOf(readFileSync(join(folder, '../docker/Dockerfile'), 'utf8')).at(-1) ?? {}
    expect(`${securityContext.runAsUser}:${securityContext.runAsGroup}`).toBe(user)
    expect(securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } })
    expect(containers[0].securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    })
    expect(automountServiceAccountToken).toBe(false)
  })

  it('waits longer than the longest drain before it kills, and has no hook that would delay the signal', () => {
    const { terminationGracePeriodSeconds, containers } = spec('Deployment').template.spec
    expect(terminationGracePeriodSeconds).toBeGreaterThan(300 + 5)
    expect(containers[0]).not.toHaveProperty('lifecycle')
  })

  it('asks /readyz before it sends clients, and restarts by /livez', () => {
    const [{ readinessProbe, livenessProbe, startupProbe, ports }] = spec('Deployment').template.spec.containers
    expect([readinessProbe, livenessProbe, startupProbe].map(({ httpGet }) => httpGet)).toEqual([
      { path: '/readyz', port: 'http' },
      { path: '/livez', port: 'http' },
      { path: '/livez', port: 'http' },
    ])
    expect(ports).toEqual([{ name: 'http', containerPort: 8080 }])
  })

  it('has a configuration that loads, and mounts every secret that it names', async () => {
    const scratch = mkdtempSync(join(tmpdir(), 'signalbox-kubernetes-'))
    onTestFinished(() => rmSync(scratch, { recursive: true }))
    const text = all('ConfigMap')[0]?.data?.['signalbox.yaml'] ?? ''
    writeFileSync(join(scratch, 'signalbox.yaml'), text)
    const config = await Effect.runPromise(loadConfig({ cwd: scratch, home: scratch, environment: {} }))
    expect(config.warnings).toEqual([])
    expect(config.server.clientKeys).toBe('required')
    const { containers, volumes } = spec('Deployment').template.spec
    const mounts = containers[0].volumeMounts
    expect(mounts.map(({ name }) => name).sort()).toEqual(volumes.map(({ name }) => name).sort())
    const secrets = mounts.find(({ name }) => name === 'secrets')?.mountPath
    for (const [, path] of text.matchAll(/file: (\S+) }/g)) expect(dirname(path ?? '')).toBe(secrets)
  })

  it('does not let its pods reach private networks and metadata, but where it says so', () => {
    const [main, ...others] = specs('NetworkPolicy')
    const everywhere = [main, ...others]
      .flatMap((policy) => policy?.egress ?? [])
      .flatMap(({ to }) => to.flatMap(({ ipBlock }) => (ipBlock?.cidr === '0.0.0.0/0' ? [ipBlock.except] : [])))
    expect(everywhere).toEqual([['10.0.0.0/8', '100.64.0.0/10', '169.254.0.0/16', '172.16.0.0/12', '192.168.0.0/16']])
    expect(main?.policyTypes).toEqual(['Ingress', 'Egress'])
  })

  it('keeps serving while it is replaced, or says that it does not', () => {
    const { strategy, replicas } = spec('Deployment')
    if (overlay === 'single') {
      expect([strategy, replicas]).toEqual([{ type: 'Recreate' }, 1])
      expect(all('PersistentVolumeClaim')).toMatchObject([{ metadata: { name: 'signalbox' } }])
      return
    }
    expect(strategy.rollingUpdate).toEqual({ maxUnavailable: 0, maxSurge: 1 })
    // The autoscaler says how many.
    expect(replicas).toBe(undefined)
    expect(spec('HorizontalPodAutoscaler').minReplicas).toBeGreaterThan(1)
    expect(spec('PodDisruptionBudget').maxUnavailable).toBe(1)
    expect(spec('Deployment').template.spec.containers[0].env[0]).toMatchObject({
      name: 'SIGNALBOX_DATABASE_URL',
      valueFrom: { secretKeyRef: { name: 'signalbox-database' } },
    })
  })

  it('is scraped with the read token, where it is monitored', () => {
    if (overlay !== 'monitored') return expect(all('ServiceMonitor').length > 0).toBe(false)
    const [endpoint] = spec('ServiceMonitor').endpoints
    expect(endpoint).toMatchObject({ port: 'http', authorization: { credentials: { key: 'read-token' } } })
    const rules = parse(readFileSync(join(folder, '../prometheus/rules/signalbox.yml'), 'utf8'))
    expect(spec('PrometheusRule')).toEqual(rules)
  })
})

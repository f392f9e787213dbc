/**
 * Writes the JSON Schema of the Kubernetes objects in deploy/kubernetes, against which they are tested:
 *   node scripts/kubernetes-schema.ts
 * It is made from the types of the npm packages below, which come from Kubernetes' own OpenAPI documents, and is closed: a server
 * warns of a field that it does not know, and leaves it out. The packages are fetched for this alone, so that no checkout has them.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createGenerator } from 'ts-json-schema-generator'

const PACKAGES = ['kubernetes-models@5.1.0', '@kubernetes-models/prometheus-operator@6.0.0']

/** Kind → the module that has its interface, which is named I and the kind. */
const KINDS: Readonly<Record<string, string>> = {
  ConfigMap: 'kubernetes-models/v1',
  Deployment: 'kubernetes-models/apps/v1',
  HorizontalPodAutoscaler: 'kubernetes-models/autoscaling/v2',
  NetworkPolicy: 'kubernetes-models/networking.k8s.io/v1',
  PersistentVolumeClaim: 'kubernetes-models/v1',
  PodDisruptionBudget: 'kubernetes-models/policy/v1',
  PrometheusRule: '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1',
  Service: 'kubernetes-models/v1',
  ServiceAccount: 'kubernetes-models/v1',
  ServiceMonitor: '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1',
}

const file = fileURLToPath(new URL('../test/fixtures/kubernetes/manifests.schema.json', import.meta.url))
const scratch = mkdtempSync(join(tmpdir(), 'signalbox-kubernetes-'))
try {
  writeFileSync(join(scratch, 'package.json'), '{ "private": true, "type": "module" }')
  const { status } = spawnSync('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', ...PACKAGES], {
    cwd: scratch,
    stdio: ['ignore', 2, 2],
  })
  if (status !== 0) throw new Error('npm install failed; see above')
  const imports = Object.entries(KINDS).map(([kind, from]) => `import type { I${kind} } from '${from}/${kind}'`)
  const members = Object.keys(KINDS).map((kind) => `  ${kind}: I${kind}`)
  const path = join(scratch, 'manifests.ts')
  writeFileSync(path, `${imports.join('\n')}\nexport interface Manifests {\n${members.join('\n')}\n}\n`)
  const options = { module: 'nodenext', moduleResolution: 'nodenext', strict: true, skipLibCheck: true, noEmit: true }
  writeFileSync(join(scratch, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files: ['manifests.ts'] }))
  const schema = createGenerator({
    path,
    tsconfig: join(scratch, 'tsconfig.json'),
    type: 'Manifests',
    expose: 'all',
    jsDoc: 'none',
    additionalProperties: false,
  }).createSchema('Manifests')
  writeFileSync(file, `${JSON.stringify(schema)}\n`)
  console.log(file)
} finally {
  rmSync(scratch, { recursive: true })
}

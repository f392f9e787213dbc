/**
 * The software bill of materials of the published package, in CycloneDX: npm's own of the whole lock, less what does not ship.
 */
import { spawnSync } from 'node:child_process'
import type { Shipped } from './shipped.ts'

interface Component {
  readonly 'bom-ref': string
  readonly name: string
  readonly version: string
  readonly scope?: string
  readonly properties?: readonly { readonly name: string; readonly value: string }[]
}

export interface BillOfMaterials {
  readonly bomFormat: 'CycloneDX'
  readonly metadata: { readonly component: Component }
  readonly components: readonly Component[]
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[]
}

/** npm's bill of everything that is locked, development tools too. Throws when npm cannot say. */
export const billOfTheLock = (root: string): BillOfMaterials => {
  const args = ['sbom', '--package-lock-only', '--sbom-format', 'cyclonedx', '--sbom-type', 'application']
  const { status, stdout, stderr, error } = spawnSync('npm', args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    shell: process.platform === 'win32',
  })
  if (status !== 0) throw new Error(`npm sbom failed: ${error?.message ?? stderr}`)
  return JSON.parse(stdout) as BillOfMaterials
}

/**
 * Only what ships. A package inside the page is as much part of it as one that is installed, so it is required too.
 * @throws when the bill lacks a package that ships
 */
export const billOfThePackage = (
  whole: BillOfMaterials,
  name: string,
  shipped: readonly Shipped[],
): BillOfMaterials => {
  const own = whole.metadata.component
  const keys = new Set(shipped.map((one) => `${one.name}@${one.version}`))
  const components = whole.components
    .filter((one) => keys.has(`${one.name}@${one.version}`))
    .map((one) => ({
      ...one,
      scope: 'required',
      properties: (one.properties ?? []).filter((property) => property.name !== 'cdx:npm:package:development'),
    }))
  const told = new Set(components.map((one) => `${one.name}@${one.version}`))
  const missing = [...keys].filter((key) => !told.has(key))
  if (missing.length > 0) throw new Error(`npm sbom does not know of ${missing.join(', ')}`)
  const refs = new Set([own['bom-ref'], ...components.map((one) => one['bom-ref'])])
  return {
    ...whole,
    // npm takes the name of the folder.
    metadata: { ...whole.metadata, component: { ...own, name } },
    components,
    dependencies: whole.dependencies
      .filter(({ ref }) => refs.has(ref))
      .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((one) => refs.has(one)) })),
  }
}

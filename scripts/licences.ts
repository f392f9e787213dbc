/**
 * Checks the licences of all packages that ship (`npm run licences`): prints them, and fails when one is not on the list of
 * scripts/package/licence-rules.ts. A new one is a decision, not an accident of an upgrade.
 */
import { readFileSync } from 'node:fs'
import { isAllowed } from './package/licence-rules.ts'
import { type LockedPackages, shippedPackages } from './package/shipped.ts'

const lock = new URL('../package-lock.json', import.meta.url)
const { packages } = JSON.parse(readFileSync(lock, 'utf8')) as { readonly packages: LockedPackages }
const shipped = shippedPackages(packages)

for (const { name, version, licence = 'none named' } of shipped) console.log(`${licence.padEnd(14)} ${name} ${version}`)
const refused = shipped.filter(({ licence }) => !isAllowed(licence))
for (const { name, version, licence = 'no licence named' } of refused)
  console.error(`NOT ALLOWED: ${name} ${version}: ${licence}`)
console.error(`${shipped.length} packages, ${refused.length} with a licence that is not allowed`)
process.exitCode = refused.length === 0 ? 0 : 1

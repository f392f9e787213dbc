/**
 * Builds what `npm pack` publishes beside package.json: the program as JavaScript in lib/, the dashboard in dist/dashboard, a bill
 * of materials, and the licences of what is inside the dashboard. npm runs it by itself (`prepack`).
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { billOfTheLock, billOfThePackage } from './package/bill-of-materials.ts'
import { writeJavaScript } from './package/javascript.ts'
import { inThePage, type LockedPackages, type Shipped, shippedPackages } from './package/shipped.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const target = join(root, 'lib')

/** MIT and its kin want their text beside every copy, and a bundler drops it. */
const licenceTexts = (packages: readonly Shipped[]): string =>
  packages
    .map(({ name, version, folder }) => {
      const file = readdirSync(join(root, folder)).find((entry) => /^licen[cs]e/i.test(entry))
      if (file === undefined) throw new Error(`${name} has no licence file`)
      return `${name} ${version}\n\n${readFileSync(join(root, folder, file), 'utf8').trim()}\n`
    })
    .join(`\n${'-'.repeat(80)}\n\n`)

const dashboard = spawnSync(process.execPath, [join(root, 'scripts', 'build-dashboard.mjs')], {
  stdio: ['ignore', 2, 2],
})
if (dashboard.status !== 0) process.exit(1)

const { name } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly name: string }
const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
  readonly packages: LockedPackages
}

// Built aside and moved: nobody finds half of it.
const aside = join(root, 'dist', `lib-${process.pid}`)
mkdirSync(aside, { recursive: true })
const modules = writeJavaScript(join(root, 'src'), aside, new Set(['dashboard']))
const bill = billOfThePackage(billOfTheLock(root), name, shippedPackages(packages))
writeFileSync(join(aside, 'sbom.cdx.json'), `${JSON.stringify(bill, null, 2)}\n`)
writeFileSync(join(aside, 'dashboard-licences.txt'), licenceTexts(inThePage(packages)))
if (existsSync(target)) rmSync(target, { recursive: true })
renameSync(aside, target)
console.error(`signalbox: ${modules} modules and a bill of ${bill.components.length} packages in lib`)

/**
 * What ships, under which licences, and the bill of it.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type BillOfMaterials, billOfThePackage } from '../../scripts/package/bill-of-materials.ts'
import { isAllowed } from '../../scripts/package/licence-rules.ts'
import { inThePage, type LockedPackages, shippedPackages } from '../../scripts/package/shipped.ts'

const { packages } = JSON.parse(readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8')) as {
  readonly packages: LockedPackages
}

describe('the licences', () => {
  it('of all that ships are allowed', () => {
    expect(shippedPackages(packages).filter(({ licence }) => !isAllowed(licence))).toEqual([])
  })

  it.each(['MIT', '(MIT OR GPL-3.0-only)', 'GPL-3.0-only OR (Apache-2.0 AND ISC)', 'GPL-2.0 AND MIT OR MIT'])(
    'allow %s',
    (licence) => expect(isAllowed(licence)).toBe(true),
  )

  it.each([
    undefined,
    '',
    'GPL-3.0-only',
    'MIT AND GPL-3.0-only',
    'MIT OR',
    '(MIT',
    'MIT)',
    'MIT MIT',
    'SEE LICENSE IN LICENSE',
    'UNLICENSED',
  ])('do not allow %s', (licence) => expect(isAllowed(licence)).toBe(false))
})

describe('what ships', () => {
  const lock: LockedPackages = {
    '': { version: '1.0.0' },
    'node_modules/effect': { version: '4.0.0', license: 'MIT' },
    'node_modules/effect/node_modules/@a/b': { version: '2.0.0', license: 'ISC' },
    'node_modules/vite': { version: '8.0.0', license: 'MIT', dev: true },
    'node_modules/preact': { version: '11.0.0', license: 'MIT', dev: true },
    'node_modules/@preact/signals': { version: '2.0.0', dev: true, dependencies: { '@preact/signals-core': '^1.0.0' } },
    'node_modules/@preact/signals-core': { version: '1.8.0', license: 'MIT', dev: true },
    'node_modules/uplot': { version: '1.0.0', license: 'MIT', dev: true },
  }

  it('is what npm installs, and what is inside the page', () => {
    expect(shippedPackages(lock).map(({ name, version, licence }) => [name, version, licence])).toEqual([
      ['effect', '4.0.0', 'MIT'],
      ['@a/b', '2.0.0', 'ISC'],
      ['preact', '11.0.0', 'MIT'],
      ['@preact/signals', '2.0.0', undefined],
      ['@preact/signals-core', '1.8.0', 'MIT'],
      ['uplot', '1.0.0', 'MIT'],
    ])
    expect(inThePage(lock).map(({ name }) => name)).toEqual([
      'preact',
      '@preact/signals',
      '@preact/signals-core',
      'uplot',
    ])
  })

  it('cannot be told of a page whose packages are not locked', () => {
    expect(() => shippedPackages({ '': {} })).toThrow('preact is in the dashboard')
  })

  it('is all that the dashboard imports', () => {
    const page = new Set(inThePage(packages).map(({ name }) => name))
    expect([...page]).toEqual(expect.arrayContaining(['preact', '@preact/signals', 'uplot']))
    const rooms = readFileSync(new URL('../architecture.test.ts', import.meta.url), 'utf8')
    // What src/dashboard may import; a new package there must be named in IN_THE_PAGE too.
    const [, allowed = ''] = /packages: \/\^\((preact.*)\)\$\/,/.exec(rooms) ?? []
    expect(allowed).toBe('preact(\\/.*)?|@preact\\/signals|uplot(\\/.*)?')
  })
})

describe('the bill of materials', () => {
  const component = (name: string, version: string, dev: boolean) => ({
    'bom-ref': `${name}@${version}`,
    name,
    version,
    scope: dev ? 'optional' : 'required',
    properties: dev ? [{ name: 'cdx:npm:package:development', value: 'true' }] : [],
  })
  const whole: BillOfMaterials = {
    bomFormat: 'CycloneDX',
    metadata: { component: component('checkout', '0.1.0', false) },
    components: [
      component('effect', '4.0.0', false),
      component('uplot', '1.0.0', true),
      component('vite', '8.0.0', true),
    ],
    dependencies: [
      { ref: 'checkout@0.1.0', dependsOn: ['effect@4.0.0', 'uplot@1.0.0', 'vite@8.0.0'] },
      { ref: 'effect@4.0.0', dependsOn: [] },
      { ref: 'vite@8.0.0', dependsOn: ['effect@4.0.0'] },
    ],
  }
  const shipped = (name: string, version: string) => ({ folder: '', name, version, licence: 'MIT' })

  it('names what ships as required, under our name, and nothing else', () => {
    const bill = billOfThePackage(whole, 'signalbox', [shipped('effect', '4.0.0'), shipped('uplot', '1.0.0')])
    expect(bill.metadata.component.name).toBe('signalbox')
    expect(bill.components.map(({ name, scope, properties }) => [name, scope, properties])).toEqual([
      ['effect', 'required', []],
      ['uplot', 'required', []],
    ])
    expect(bill.dependencies).toEqual([
      { ref: 'checkout@0.1.0', dependsOn: ['effect@4.0.0', 'uplot@1.0.0'] },
      { ref: 'effect@4.0.0', dependsOn: [] },
    ])
  })

  it('is not made without a package that ships', () => {
    expect(() => billOfThePackage(whole, 'signalbox', [shipped('effect', '4.0.1')])).toThrow('effect@4.0.1')
  })
})

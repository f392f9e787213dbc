/**
 * The published JavaScript is the checkout's code with its types blanked.
 */
import { describe, expect, it } from 'vitest'
import { javaScriptOf } from '../../scripts/package/javascript.ts'

describe('the JavaScript of a module', () => {
  it('keeps every line and column', () => {
    const source =
      "interface A {\n  readonly b: string\n}\nexport const f = (a: A): string => a.b\nthrow new Error('x')\n"
    const written = javaScriptOf(source)
    expect(written).not.toMatch(/interface|string/)
    expect(written.split('\n').map((line) => line.length)).toEqual(source.split('\n').map((line) => line.length))
    expect(written.split('\n').at(-2)).toBe("throw new Error('x')")
  })

  it.each([
    ["import { a } from './a.ts'", "import { a } from './a.js'"],
    ["await import('../b/c.ts')", "await import('../b/c.js')"],
    ["new URL('./writer.ts', import.meta.url)", "new URL('./writer.js', import.meta.url)"],
    ["import { d } from '#domain/d.ts'", "import { d } from '#domain/d.ts'"],
    ["import p from '../package.json' with { type: 'json' }", "import p from '../package.json' with { type: 'json' }"],
    ["const told = 'see src/main.ts'", "const told = 'see src/main.ts'"],
  ])('of %s is %s', (source, written) => {
    expect(javaScriptOf(source)).toBe(written)
  })
})

/**
 * docs/reliability.md names a test for every requirement: each file is there, and has a text of that name.
 */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const page = readFileSync(`${root}/docs/reliability.md`, 'utf8')
const REQUIREMENTS = 61

interface Row {
  readonly requirement: string
  readonly promise: string
  readonly tests: readonly { readonly file: string; readonly name: string }[]
  readonly result: string
}

const rowsOf = (text: string): readonly Row[] =>
  [...text.matchAll(/^\| (R\d+) \| (.+?) \| (.+?) \| (.+?) \|$/gm)].map(
    ([, requirement = '', promise = '', held = '', result = '']) => ({
      requirement,
      promise,
      tests: held.split('<br>').map((one) => {
        const [, file = '', name = ''] = /^`([^`]+)` › (.+)$/.exec(one) ?? []
        return { file, name }
      }),
      result,
    }),
  )

/** The name as a text in the code stands there: quoted in any way, `…` for what a template puts in. */
const literal = (name: string): RegExp => {
  const [first = '', ...rest] = name.split('…').map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  if (rest.length > 0) return new RegExp(`\`${[first, ...rest].join('\\$\\{[^}]*\\}')}\``)
  return new RegExp(`'${first.replaceAll("'", "\\\\'")}'|"${first}"|\`${first}\``)
}

const missing = (rows: readonly Row[]): readonly string[] =>
  rows.flatMap(({ requirement, tests }) =>
    tests.flatMap(({ file, name }) => {
      if (file === '' || name === '') return [`${requirement} names no test`]
      if (!existsSync(`${root}/${file}`)) return [`${requirement}: there is no ${file}`]
      return literal(name).test(readFileSync(`${root}/${file}`, 'utf8'))
        ? []
        : [`${requirement}: ${file} has no "${name}"`]
    }),
  )

describe('docs/reliability.md', () => {
  const rows = rowsOf(page)

  it('has a row for every requirement, in their order', () => {
    expect(rows.map(({ requirement }) => requirement)).toEqual(
      Array.from({ length: REQUIREMENTS }, (_, n) => `R${n + 1}`),
    )
  })

  it('names tests that there are', () => {
    expect(missing(rows)).toEqual([])
  })

  it('says of each when it was last run, or where to look', () => {
    expect(
      rows.filter(({ result }) => !/\d{4}-\d\d-\d\d|\]\(/.test(result)).map(({ requirement }) => requirement),
    ).toEqual([])
  })
})

describe('the check of the tests that are named', () => {
  const row = (held: string) => `| R1 | A promise | ${held} | held |\n`

  it.each([
    ['`test/docs/reliability.test.ts` › names tests that there are', []],
    ['`test/crash/crash.test.ts` › keeps no promise at all', ['has no "keeps no promise at all"']],
    ['`test/docs/none.test.ts` › names tests that there are', ['there is no test/docs/none.test.ts']],
    ['a test that has no name', ['R1 names no test']],
    ['`test/crash/crash.test.ts` › keeps every promise through … kills under load', []],
    ['`test/crash/crash.test.ts` › keeps … promise through … kills under load', ['has no']],
  ])('%s', (held, complaints) => {
    const found = missing(rowsOf(row(held)))
    expect(found).toEqual(complaints.map((complaint) => expect.stringContaining(complaint)))
  })
})

/**
 * docs/export.md describes every column of every table, and no other.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { exportTables, TABLES } from '#domain/export-rows/index.ts'

const page = readFileSync(new URL('../../docs/export.md', import.meta.url), 'utf8')

const sectionOf = (name: string): string =>
  page.split('\n## ').find((section) => section.toLowerCase().startsWith(`${name}\n`)) ?? ''

describe('docs/export.md', () => {
  it.each(TABLES)('has a row for every column of %s, in their order', (name) => {
    const rows = [...sectionOf(name).matchAll(/^\| `(\w+)` \| (\w+) \| (.+) \|$/gm)].map((row) => row.slice(1))
    expect(rows).toEqual(exportTables[name].columns.map((column) => [column.name, column.type, column.about]))
  })
})

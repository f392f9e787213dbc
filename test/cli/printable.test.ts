/**
 * Names of strangers on a terminal and in a spreadsheet: they are text there, whatever they hold.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { prettyLine } from '#cli/pretty-logger.ts'
import { printable } from '#cli/printable.ts'
import { table } from '#cli/table.ts'

/** Sets the title, clears the screen, turns the writing round, and begins a line of its own. */
const NAME = '\u001b]0;pwned\u0007\u001b[2J\u009b31m\u202e\nall is well'

describe('a name from elsewhere', () => {
  it('is told with nothing in it that a terminal obeys', () => {
    expect(printable(NAME)).toBe('\\u{1b}]0;pwned\\u{7}\\u{1b}[2J\\u{9b}31m\\u{202e}\\u{a}all is well')
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(printable(text)).not.toMatch(/\p{Cc}/u)
      }),
    )
  })

  it.each(['claude-opus-5-5', '模型 🎉', 'a\u0301', ''])('that is but text stays as it is: %s', (text) => {
    expect(printable(text)).toBe(text)
  })

  it('breaks no table', () => {
    const lines = table([
      ['model', 'cost'],
      [NAME, '$1'],
    ])
    expect(lines).toHaveLength(2)
    expect(lines.join('')).not.toMatch(/\p{Cc}/u)
    expect(lines[0]?.indexOf('cost')).toBe(lines[1]?.indexOf('$1'))
  })

  it('makes no line of the log', () => {
    const line = {
      ...({ '@timestamp': '2026-11-25T18:04:09.512Z', 'log.level': 'warn', message: `${NAME}: failed` } as const),
      ...({ 'ecs.version': '8.11.0', 'service.name': 'signalbox', 'service.version': '1' } as const),
      ...({
        'event.dataset': 'signalbox.message',
        labels: { model: 'a\u001b[2J', stack: 'at x\n\u001b[2Jat y' },
      } as const),
    }
    const lines = prettyLine(line, false).split('\n')
    expect(lines.slice(1)).toEqual(['  at x', '  \\u{1b}[2Jat y'])
    expect(lines.join('')).not.toMatch(/\p{Cc}/u)
  })
})

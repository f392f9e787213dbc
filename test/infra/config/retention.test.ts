/** How long requests are kept in full, as the configuration says it. */
import { describe, expect, it } from 'vitest'
import { place } from './place.ts'

const files = (retention: string) =>
  place({
    'signalbox.yaml': `{ providers: { a: { kind: anthropic } }, database: { url: 'sqlite:data/log.db' }, retention: ${retention} }`,
  })
const environment = { ANTHROPIC_API_KEY: 'x' }

describe('retention', () => {
  it('keeps everything unless it is told otherwise, with a folder beside the log for what goes by hand', () => {
    const { retention, database } = files('{}').good({ environment })
    expect(retention.detailMs).toBe(0)
    expect(retention.archive).toBe(database.url.replace('sqlite:', '').replace('log.db', 'archive'))
  })

  it('takes a time and a folder, which is relative to the file that names it', () => {
    const { retention, source } = files('{ detail: 90 d, archive: old }').good({ environment })
    expect(retention.detailMs).toBe(90 * 86_400_000)
    expect(retention.archive).toBe(source.files[0]?.replace('signalbox.yaml', 'old'))
  })

  it('is not shorter than what routing learns from', () => {
    expect(files('{ detail: 23 h }').problems({ environment })).toEqual([
      expect.stringContaining('retention.detail: expected at least 1 d, or 0 to keep requests for ever'),
    ])
  })
})

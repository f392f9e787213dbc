/**
 * The operator's prices beside those of the providers: reads their file, and reports what is wrong with it.
 */
import { Result } from 'effect'
import { absolutePath, type Checks } from '#infra/config/checks.ts'
import type { Config } from '#infra/config/config.ts'
import { whyUnreadable } from '#infra/config/files.ts'
import { readText } from '#infra/config/read-text.ts'
import { checkUrl } from '#infra/config/resolve-provider.ts'
import type { ConfigFile } from '#infra/config/schema.ts'
import { type PriceBook, readPriceBook } from '#infra/prices/price-book.ts'

export const resolvePriceBook = (file: ConfigFile['prices'], checks: Checks): Config['prices'] => {
  const url = file?.url === undefined ? {} : { url: checkPriceUrl(file.url, checks) }
  if (file?.file === undefined) return url
  const path = absolutePath(file.file, ['prices', 'file'], checks)
  const book = readBook(path, checks)
  return { file: path, ...(book === undefined ? {} : { book }), ...url }
}

const checkPriceUrl = (value: string, checks: Checks): string => {
  const url = URL.parse(value)
  if (url !== null && (url.username !== '' || url.password !== '')) {
    checks.report(
      'literalSecret',
      ['prices', 'url'],
      'cannot have user and password; prices are fetched without a credential',
    )
  }
  return checkUrl(value, ['prices', 'url'], checks)
}

const readBook = (path: string, checks: Checks): PriceBook | undefined => {
  let text: string
  try {
    text = readText(path)
  } catch (error) {
    checks.report('unreadable', ['prices', 'file'], `${path} ${whyUnreadable(error)}`)
    return undefined
  }
  const read = readPriceBook(text)
  if (Result.isSuccess(read)) return read.success
  checks.report('invalidValue', ['prices', 'file'], `${path} ${read.failure}`)
  return undefined
}

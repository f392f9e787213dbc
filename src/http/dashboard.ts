/**
 * The dashboard as it was built: a page and its assets, read once at the start and served from memory. Everything it shows it
 * asks of the admin API, with a token; the files themselves hold nothing that is anybody's, so they need none.
 */
import { readdir, readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { Effect } from 'effect'
import { HttpServerResponse } from 'effect/http'

export interface DashboardFile {
  readonly contentType: string
  readonly body: Uint8Array
}

export interface Dashboard {
  readonly page: DashboardFile
  /** By file name; the names carry digests of what is in them. */
  readonly assets: ReadonlyMap<string, DashboardFile>
}

/** Nothing from anywhere else, nothing inline, and no other page around it. */
export const DASHBOARD_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "font-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
}

/** The build in a folder; undefined, with a warning, when there is none that can be read. */
export const readDashboard = (folder: string): Effect.Effect<Dashboard | undefined> =>
  Effect.tryPromise({ try: () => read(folder), catch: codeOf }).pipe(
    Effect.catch((code) =>
      Effect.as(
        Effect.logWarning('there is no dashboard, only a plain start page; build it with npm run build:dashboard', {
          folder,
          code,
        }),
        undefined,
      ),
    ),
  )

const read = async (folder: string): Promise<Dashboard> => {
  const page = await fileAt(join(folder, 'index.html'))
  const names = await readdir(join(folder, 'assets'))
  const assets = await Promise.all(
    names.map(async (name) => [name, await fileAt(join(folder, 'assets', name))] as const),
  )
  return { page, assets: new Map(assets) }
}

const fileAt = async (path: string): Promise<DashboardFile> => ({
  contentType: CONTENT_TYPES[extname(path)] ?? 'application/octet-stream',
  body: await readFile(path),
})

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'

const SAFE = { 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' }

/**
 * The page itself is asked for anew every time, so that a new release is seen at once. A page that opened it has no hold of its
 * window, and could not lead it elsewhere.
 */
export const pageResponse = ({ page }: Dashboard): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.uint8Array(page.body, {
    contentType: page.contentType,
    headers: {
      ...SAFE,
      'content-security-policy': DASHBOARD_POLICY,
      'cross-origin-opener-policy': 'same-origin',
      'cache-control': 'no-cache',
      vary: 'accept',
    },
  })

/** A file under /assets/; undefined when the build has none of that name. Kept for a year: another content has another name. */
export const assetResponse = (
  { assets }: Dashboard,
  path: string,
): HttpServerResponse.HttpServerResponse | undefined => {
  const file = assets.get(path.slice('/assets/'.length))
  if (file === undefined) return undefined
  return HttpServerResponse.uint8Array(file.body, {
    contentType: file.contentType,
    headers: { ...SAFE, 'cache-control': 'public, max-age=31536000, immutable' },
  })
}

/** Browsers name HTML among what they take; curl and scripts do not, and get text. */
export const wantsPage = (accept: string | undefined): boolean => accept?.toLowerCase().includes('text/html') === true

import { readFile } from 'node:fs/promises'
import { Agent } from 'node:https'
import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3'
import type { sdk } from './s3-sdk.ts'
import { type ArchiveLimits, type Attempt, type KeptJob, type KeptStore, PartExists } from './store.ts'

const SUFFIX = '.gz'

/** Where objects go, and how to get there. Credentials come from the SDK's own chain. */
export interface S3Settings {
  bucket: string
  /** Before every key; empty, or with a slash at its end. */
  prefix: string
  region: string
  /** Address of a server other than that of AWS. */
  endpoint?: string | undefined
  /** The bucket is in the path, not in the host. */
  pathStyle: boolean
  /** File with the certificates of authorities to trust, besides the usual ones. */
  caFile?: string | undefined
  encryption?: 'AES256' | 'aws:kms' | undefined
  kmsKey?: string | undefined
}

type Sdk = typeof sdk

/** Keeps logs in a bucket: PREFIX/NAMESPACE/JOB_UID/POD_UID/PART.gz. Parts are never replaced. */
export class S3Store implements KeptStore {
  readonly limits: ArchiveLimits
  readonly #settings: S3Settings
  #client: Promise<{ s3: S3Client; sdk: Sdk }> | undefined

  constructor({ settings, limits }: { settings: S3Settings; limits: ArchiveLimits }) {
    this.#settings = settings
    this.limits = limits
  }

  async put(attempt: Attempt, name: string, part: Buffer, signal: AbortSignal): Promise<void> {
    const { s3, sdk } = await this.#connected()
    const { bucket, encryption, kmsKey } = this.#settings
    const object = {
      Bucket: bucket,
      Key: this.#keyOf(attempt, name),
      Body: part,
      ContentType: 'application/gzip',
      IfNoneMatch: '*',
      ...(encryption !== undefined && { ServerSideEncryption: encryption }),
      ...(kmsKey !== undefined && { SSEKMSKeyId: kmsKey }),
    }
    try {
      await s3.send(new sdk.PutObjectCommand(object), { abortSignal: signal })
    } catch (error) {
      // 409: another request is storing it.
      if (statusOf(error) !== 412 && statusOf(error) !== 409) throw error
      if ((await this.get(attempt, name, signal))?.equals(part) !== true) throw new PartExists(object.Key)
    }
  }

  async get(attempt: Attempt, name: string, signal: AbortSignal): Promise<Buffer | undefined> {
    const { s3, sdk } = await this.#connected()
    const object = { Bucket: this.#settings.bucket, Key: this.#keyOf(attempt, name) }
    try {
      const { Body } = await s3.send(new sdk.GetObjectCommand(object), { abortSignal: signal })
      return Body === undefined ? undefined : Buffer.from(await Body.transformToByteArray())
    } catch (error) {
      if (statusOf(error) === 404) return undefined
      throw error
    }
  }

  async names(attempt: Attempt, signal: AbortSignal): Promise<string[]> {
    const prefix = this.#keyOf(attempt, '').slice(0, -SUFFIX.length)
    const names: string[] = []
    for await (const { key } of this.#list(prefix, signal)) {
      if (key.endsWith(SUFFIX)) names.push(key.slice(prefix.length, -SUFFIX.length))
    }
    return names
  }

  async *jobs(namespace: string, signal: AbortSignal): AsyncGenerator<KeptJob> {
    const { s3, sdk } = await this.#connected()
    const Prefix = `${this.#settings.prefix}${namespace}/`
    const query = { Bucket: this.#settings.bucket, Prefix, Delimiter: '/' }
    for await (const page of sdk.paginateListObjectsV2({ client: s3 }, query, { abortSignal: signal })) {
      for (const { Prefix: folder = '' } of page.CommonPrefixes ?? []) {
        const jobUid = folder.slice(Prefix.length, -1)
        yield { jobUid, storedAt: () => this.#latestOf(folder, signal) }
      }
    }
  }

  async delete(namespace: string, jobUid: string, signal: AbortSignal): Promise<void> {
    const { s3, sdk } = await this.#connected()
    for await (const { key } of this.#list(`${this.#settings.prefix}${namespace}/${jobUid}/`, signal)) {
      await s3.send(new sdk.DeleteObjectCommand({ Bucket: this.#settings.bucket, Key: key }), { abortSignal: signal })
    }
  }

  async #latestOf(folder: string, signal: AbortSignal): Promise<Date> {
    let latest = new Date(0)
    for await (const { storedAt } of this.#list(folder, signal)) if (storedAt > latest) latest = storedAt
    return latest
  }

  async *#list(prefix: string, signal: AbortSignal): AsyncGenerator<{ key: string; storedAt: Date }> {
    const { s3, sdk } = await this.#connected()
    const query = { Bucket: this.#settings.bucket, Prefix: prefix }
    for await (const page of sdk.paginateListObjectsV2({ client: s3 }, query, { abortSignal: signal })) {
      for (const { Key, LastModified } of page.Contents ?? []) {
        if (Key !== undefined) yield { key: Key, storedAt: LastModified ?? new Date(0) }
      }
    }
  }

  #keyOf({ namespace, jobUid, podUid }: Attempt, name: string): string {
    return `${this.#settings.prefix}${namespace}/${jobUid}/${podUid}/${name}${SUFFIX}`
  }

  /** The SDK is loaded only where it is used: it takes megabytes. */
  #connected(): Promise<{ s3: S3Client; sdk: Sdk }> {
    this.#client ??= this.#connect().catch((error: unknown) => {
      this.#client = undefined
      throw error
    })
    return this.#client
  }

  async #connect(): Promise<{ s3: S3Client; sdk: Sdk }> {
    const { region, endpoint, pathStyle, caFile } = this.#settings
    const { sdk: loaded } = await import('./s3-sdk.ts')
    const options: S3ClientConfig = {
      region,
      forcePathStyle: pathStyle,
      // Servers other than that of AWS may not know the newer checksums.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      ...(endpoint !== undefined && { endpoint }),
      ...(caFile !== undefined && {
        requestHandler: { httpsAgent: new Agent({ ca: await readFile(caFile), keepAlive: true }) },
      }),
    }
    return { s3: new loaded.S3Client(options), sdk: loaded }
  }
}

function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('$metadata' in error)) return undefined
  const { $metadata: about } = error
  if (typeof about !== 'object' || about === null || !('httpStatusCode' in about)) return undefined
  return typeof about.httpStatusCode === 'number' ? about.httpStatusCode : undefined
}

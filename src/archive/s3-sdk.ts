import {
  DeleteObjectCommand,
  GetObjectCommand,
  paginateListObjectsV2,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'

/**
 * What the store needs of the SDK, which is loaded only with it. Its package is CommonJS, whose exports a bundle has by name
 * only where they are imported by name.
 */
export const sdk = { DeleteObjectCommand, GetObjectCommand, paginateListObjectsV2, PutObjectCommand, S3Client }

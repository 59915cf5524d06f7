#include "files/zip.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>

#include "files/bytes.h"

namespace batchfit::files {
namespace {

constexpr std::uint32_t end_signature = 0x06054b50, end64_signature = 0x06064b50,
                        locator64_signature = 0x07064b50, directory_signature = 0x02014b50,
                        local_signature = 0x04034b50;
constexpr std::uint64_t end_size = 22, locator64_size = 20, directory_header_size = 46,
                        local_header_size = 30;
constexpr std::uint64_t longest_comment = 0xFFFF;
constexpr std::uint32_t in_extra_field = 0xFFFFFFFF;  // a 32-bit field's value is in the zip64 extra field
constexpr std::uint16_t zip64_extra = 1;

tl::unexpected<Error> corrupt(const std::string& why) {
  return failure(ErrorKind::corrupt, "the zip archive " + why, "the file may be cut short: copy it again");
}

/// Where the end record stands: its comment ends the file, so it is found from the back.
std::optional<std::uint64_t> find_end(ByteSpan archive) {
  if (archive.size() < end_size) return std::nullopt;
  const std::uint64_t last = archive.size() - end_size;
  const std::uint64_t first = last > longest_comment ? last - longest_comment : 0;
  for (std::uint64_t at = last + 1; at-- > first;) {
    if (number_at<std::uint32_t>(archive, at) != end_signature) continue;
    if (number_at<std::uint16_t>(archive, at + 20) == archive.size() - at - end_size) return at;
  }
  return std::nullopt;
}

struct Directory {
  std::uint64_t count = 0, size = 0, offset = 0;
};

std::optional<Directory> read_end64(ByteSpan archive, std::uint64_t end) {
  if (end < locator64_size ||
      number_at<std::uint32_t>(archive, end - locator64_size) != locator64_signature) {
    return std::nullopt;
  }
  const auto record = number_at<std::uint64_t>(archive, end - locator64_size + 8);
  if (!record || number_at<std::uint32_t>(archive, *record) != end64_signature) return std::nullopt;
  if (!part_of(archive, *record, 56)) return std::nullopt;
  return Directory{*number_at<std::uint64_t>(archive, *record + 32),
                   *number_at<std::uint64_t>(archive, *record + 40),
                   *number_at<std::uint64_t>(archive, *record + 48)};
}

Result<Directory> read_end(ByteSpan archive) {
  const auto end = find_end(archive);
  if (!end) return corrupt("has no directory at its end");
  Directory directory{*number_at<std::uint16_t>(archive, *end + 10),
                      *number_at<std::uint32_t>(archive, *end + 12),
                      *number_at<std::uint32_t>(archive, *end + 16)};
  if (const auto wide = read_end64(archive, *end)) directory = *wide;
  if (!part_of(archive, directory.offset, directory.size)) return corrupt("has its directory outside itself");
  if (directory.count > directory.size / directory_header_size) {
    return corrupt("counts more entries than its directory holds");
  }
  return directory;
}

/// One header of the directory.
struct Header {
  std::uint64_t size = 0, stored_size = 0, local_offset = 0;
  std::string_view name;
  bool readable = true;
  std::uint64_t length = 0;  ///< of the header itself
};

/// Replaces the fields that stand in the extra field, in their fixed order. False where one is missing.
bool read_zip64_extra(ByteSpan extra, Header& header) {
  ByteSpan fields;
  for (std::uint64_t at = 0; at + 4 <= extra.size();) {
    const auto length = *number_at<std::uint16_t>(extra, at + 2);
    const auto part = part_of(extra, at + 4, length);
    if (!part) break;
    if (*number_at<std::uint16_t>(extra, at) == zip64_extra) fields = *part;
    at += 4 + length;
  }
  std::uint64_t at = 0;
  for (std::uint64_t* field : {&header.size, &header.stored_size, &header.local_offset}) {
    if (*field != in_extra_field) continue;
    const auto value = number_at<std::uint64_t>(fields, at);
    if (!value) return false;
    *field = *value;
    at += sizeof(std::uint64_t);
  }
  return true;
}

std::optional<Header> read_header(ByteSpan directory, std::uint64_t at) {
  if (number_at<std::uint32_t>(directory, at) != directory_signature) return std::nullopt;
  if (!part_of(directory, at, directory_header_size)) return std::nullopt;
  Header header;
  const auto flags = *number_at<std::uint16_t>(directory, at + 8);
  const auto method = *number_at<std::uint16_t>(directory, at + 10);
  header.readable = (flags & 1) == 0 && method == 0;
  header.stored_size = *number_at<std::uint32_t>(directory, at + 20);
  header.size = *number_at<std::uint32_t>(directory, at + 24);
  const std::uint64_t name_length = *number_at<std::uint16_t>(directory, at + 28);
  const std::uint64_t extra_length = *number_at<std::uint16_t>(directory, at + 30);
  const std::uint64_t comment_length = *number_at<std::uint16_t>(directory, at + 32);
  header.local_offset = *number_at<std::uint32_t>(directory, at + 42);
  header.length = directory_header_size + name_length + extra_length + comment_length;
  if (!part_of(directory, at, header.length)) return std::nullopt;
  header.name = text_of(*part_of(directory, at + directory_header_size, name_length));
  const auto extra = *part_of(directory, at + directory_header_size + name_length, extra_length);
  if (!read_zip64_extra(extra, header)) return std::nullopt;
  return header;
}

/// The bytes that a header describes, past the entry's own header, whose name and extra field may have other
/// lengths.
std::optional<ByteSpan> bytes_of(ByteSpan archive, const Header& header) {
  const auto local = part_of(archive, header.local_offset, local_header_size);
  if (!local || number_at<std::uint32_t>(*local, 0) != local_signature) return std::nullopt;
  const std::uint64_t lengths =
      std::uint64_t{*number_at<std::uint16_t>(*local, 26)} + *number_at<std::uint16_t>(*local, 28);
  if (header.readable && header.size != header.stored_size) return std::nullopt;
  return part_of(archive, header.local_offset + local_header_size + lengths, header.stored_size);
}

}  // namespace

Result<ZipEntries> read_zip(ByteSpan archive) {
  const auto directory = read_end(archive);
  if (!directory) return failure(directory.error());
  const ByteSpan headers = *part_of(archive, directory->offset, directory->size);
  ZipEntries entries;
  std::uint64_t at = 0;
  for (std::uint64_t i = 0; i < directory->count; ++i) {
    const auto header = read_header(headers, at);
    if (!header) return corrupt(fmt::format("has a damaged directory at entry {}", i));
    at += header->length;
    const auto bytes = bytes_of(archive, *header);
    if (!bytes) return corrupt(fmt::format("has its entry '{}' outside itself", shown(header->name)));
    const ByteSpan stored = header->readable ? *bytes : ByteSpan();
    if (!entries.try_emplace(header->name, ZipEntry{stored, header->readable}).second) {
      return corrupt(fmt::format("has its entry '{}' twice", shown(header->name)));
    }
  }
  return entries;
}

}  // namespace batchfit::files

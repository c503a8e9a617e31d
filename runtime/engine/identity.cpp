#include "runtime/engine/identity.h"

#include <cstring>

namespace dunlin::engine {

namespace {

constexpr uint64_t positive = 0x7FFF'FFFF'FFFF'FFFF;
constexpr uint64_t golden = 0x9E37'79B9'7F4A'7C15;

/// Finaliser of splitmix64 (S. Vigna, public domain).
uint64_t avalanche(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58'476D'1CE4'E5B9;
  z = (z ^ (z >> 27)) * 0x94D0'49BB'1331'11EB;
  return z ^ (z >> 31);
}

}  // namespace

uint64_t hash_mix(uint64_t a, uint64_t b) { return avalanche(avalanche(a + golden) ^ (b + golden * 2)); }

uint64_t hash_text(std::string_view bytes, uint64_t seed) {
  uint64_t state = avalanche(seed + golden * (bytes.size() + 1));
  while (bytes.size() >= 8) {
    uint64_t word = 0;
    std::memcpy(&word, bytes.data(), 8);
    state = avalanche(state ^ word) + golden;
    bytes.remove_prefix(8);
  }
  uint64_t rest = 0;
  if (!bytes.empty()) std::memcpy(&rest, bytes.data(), bytes.size());
  return avalanche(state ^ rest);
}

uint64_t task_identity(const TaskNature& nature) {
  uint64_t hash = hash_mix(static_cast<uint64_t>(nature.instance), nature.strategy);
  hash = hash_mix(hash, nature.queue);
  hash = hash_mix(hash, hash_text(nature.treatment));
  hash = hash_mix(hash, nature.rule);
  hash = hash_mix(hash, static_cast<uint64_t>(nature.recipient)) & positive;
  return hash == 0 ? 1 : hash;
}

std::string key_text(const checked::Program& program, const abi::Instance& instance) {
  const checked::Entity& entity = program.entities[static_cast<size_t>(instance.entity)];
  if (entity.key_field == checked::none) return std::to_string(instance.id);
  const checked::Field& key = entity.fields[static_cast<size_t>(entity.key_field)];
  if (key.type.kind == checked::TypeKind::text) return std::string(reinterpret_cast<const abi::Text*>(instance.slots[key.slot])->view());
  return checked::format_value(program, key.type, instance.slots + key.slot);
}

int64_t stable_id(std::string_view entity, std::string_view key) {
  const auto hash = static_cast<int64_t>(hash_text(key, hash_text(entity)) & positive);
  return hash == 0 ? 1 : hash;
}

int32_t bucket_of(int64_t debtor_id) { return static_cast<int32_t>(hash_mix(static_cast<uint64_t>(debtor_id), 0) % bucket_count); }

std::string TaskId::text() const {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  text.reserve(36);
  for (int i = 0; i < 32; ++i) {
    if (i == 8 || i == 12 || i == 16 || i == 20) text += '-';
    const uint64_t half = i < 16 ? high : low;
    text += digits[(half >> (60 - 4 * (i % 16))) & 15];
  }
  return text;
}

}  // namespace dunlin::engine

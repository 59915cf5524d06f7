#include "files/pickle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace batchfit::files {
namespace {

using namespace std::string_literals;
using testing::HasSubstr;

ByteSpan bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

/// What the pickle's object is, or the error.
std::string described(const std::string& pickle) {
  Arena arena;
  const auto unpickled = unpickle(bytes_of(pickle), arena);
  return unpickled ? describe(*unpickled->root) : unpickled.error().message;
}

TEST(Pickle, numbers_of_all_protocols_are_read) {
  const std::pair<std::string, std::string> cases[] = {
      {"K\x07.", "the number 7"},
      {"M\x01\x02.", "the number 513"},
      {"J\xff\xff\xff\xff.", "the number -1"},
      {"I42\n.", "the number 42"},
      {"L-42L\n.", "the number -42"},
      {"\x8a\x00."s, "the number 0"},
      {"\x8a\x02\x00\x80."s, "the number -32768"},
      {"\x8a\x09\x01\x02\x03\x04\x05\x06\x07\x08\x09."s, "a number beyond 64 bits"},
      {"F1.5\n.", "the number 1.5"},
      {"G\x3f\xf8\x00\x00\x00\x00\x00\x00."s, "the number 1.5"},
      {"I01\n.", "True"},
      {"\x89.", "False"},
      {"N.", "None"},
  };
  for (const auto& [pickle, expected] : cases) EXPECT_EQ(described("\x80\x02" + pickle), expected);
}

TEST(Pickle, texts_bytes_and_containers_of_all_protocols_are_read) {
  const std::pair<std::string, std::string> cases[] = {
      {"X\x02\x00\x00\x00hi."s, "the text 'hi'"},
      {"\x8c\x02hi.", "the text 'hi'"},
      {"\x8d\x02\x00\x00\x00\x00\x00\x00\x00hi."s, "the text 'hi'"},
      {"Vhi\n.", "the text 'hi'"},
      {"U\x02hi.", "the text 'hi'"},
      {"C\x02hi.", "bytes"},
      {"(K\x01K\x02t.", "a tuple"},
      {"(K\x01l.", "a list"},
      {"]K\x01"
       "a.",
       "a list"},
      {"](K\x01K\x02"
       "e.",
       "a list"},
      {"(K\x01K\x02"
       "d.",
       "a dict"},
      {"}(K\x01K\x02u.", "a dict"},
      {"\x8f(K\x01\x90.", "a set"},
      {"(K\x01\x91.", "a set"},
      {"c__builtin__\nset\n](K\x01"
       "e\x85R.",
       "a set"},
      {"ccollections\nOrderedDict\n)R.", "a dict"},
      {"\x8c\x0b"
       "collections\x8c\x0bOrderedDict\x93)R.",
       "a dict"},
      {"ctorch\nSize\n(K\x01K\x02t\x85R.", "a tuple"},
      {"\x95\x02\x00\x00\x00\x00\x00\x00\x00]\x94h\x00\x86."s, "a tuple"},
  };
  for (const auto& [pickle, expected] : cases) EXPECT_EQ(described("\x80\x04" + pickle), expected);
}

TEST(Pickle, of_equal_keys_the_last_one_counts) {
  Arena arena;
  const std::string pickle =  // the values' texts are views of it
      "}(U\x01"
      "aK\x01U\x01"
      "aK\x02u.";
  const auto root = unpickle(bytes_of(pickle), arena).value().root;
  EXPECT_EQ(*find(*root->as<Dict>(), "a")->as<std::int64_t>(), 2);
}

TEST(Pickle, what_would_run_code_becomes_a_record_of_it) {
  EXPECT_EQ(described("cposix\nsystem\nU\x02ls\x85R."),
            "the result of calling posix.system, which is never called here");
  EXPECT_EQ(described("cbuiltins\neval\n)\x81}b."), "an object of class builtins.eval");
  EXPECT_THAT(described("cos\nsystem\n."), HasSubstr("the name os.system"));
  EXPECT_THAT(described("(cos\nsystem\nU\x02ls"
                        "o."),
              HasSubstr("opcode 0x6f, which is not supported"));
}

TEST(Pickle, a_container_may_hold_itself) {
  EXPECT_EQ(described("]q\x00h\x00"
                      "a."s),
            "a list");
}

TEST(Pickle, what_is_cut_or_malformed_is_an_error_that_says_where) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "ends in the middle (at byte 0)"},
      {"K", "ends in the middle (at byte 1)"},
      {"X\xff\xff\xff\xffhi.", "ends in the middle"},
      {"cposix", "ends in the middle of a line"},
      {".", "takes from an empty stack"},
      {"(.", "takes from an empty stack"},
      {"K\x01t.", "has no mark"},
      {"h\x05.", "refers to a value that was never made"},
      {"Nr\xff\xff\xff\xff.", "remembers too many values"},
      {"K\x01K\x02"
       "a.",
       "adds items to the number 1"},
      {"NK\x01K\x02s.", "adds entries to None"},
      {"}(K\x01u.", "has a key without a value"},
      {"\x80\x09N.", "is of a protocol later than 5"},
      {"I12x\n.", "has a malformed number"},
      {"K\x01K\x02\x93.", "names a class by something else than text"},
      {"NQ.", "has a persistent id that is no storage"},
  };
  for (const auto& [pickle, expected] : cases) EXPECT_THAT(described(pickle), HasSubstr(expected));
}

TEST(Pickle, more_values_than_any_checkpoint_has_are_refused) {
  EXPECT_THAT(described(std::string(most_values + 1, 'N') + "."), HasSubstr("more than 4000000 values"));
  EXPECT_THAT(described(std::string(most_values + 1, '(') + "."), HasSubstr("more than 4000000 values"));
  // A list of a thousand, copied into a set again and again.
  std::string copies = "](" + std::string(1000, 'N') + "eq\x00"s;
  for (int i = 0; i < 5000; ++i) copies += "cbuiltins\nset\nh\x00\x85R0"s;
  EXPECT_THAT(described(copies + "."), HasSubstr("more than 4000000 values"));
}

/// A tensor of torch's with these pickled offset, shape and strides over a storage of ten floats.
std::string rebuilt(const std::string& offset, const std::string& shape, const std::string& strides) {
  return described(
      "ctorch._utils\n_rebuild_tensor_v2\n((U\x07storagectorch\nFloatStorage\nU\x01"
      "0U\x03"
      "cpuK\x0atQ" +
      offset + shape + strides + "\x89)tR.");
}

TEST(Pickle, a_tensor_must_lie_inside_its_storage) {
  EXPECT_EQ(rebuilt("K\x00"s, "K\x02K\x05\x86", "K\x05K\x01\x86"), "a tensor");
  EXPECT_EQ(rebuilt("K\x09", ")", ")"), "a tensor");
  EXPECT_EQ(rebuilt("K\x0a", "K\x00\x85"s, "K\x01\x85"), "a tensor");  // empty
  const std::string beyond = "reaches beyond its storage '0' of 10 elements";
  EXPECT_THAT(rebuilt("K\x01", "K\x02K\x05\x86", "K\x05K\x01\x86"), HasSubstr(beyond));
  EXPECT_THAT(rebuilt("K\x0a", ")", ")"), HasSubstr(beyond));
  EXPECT_THAT(rebuilt("K\x00"s, "K\x02\x85", "K\x0a\x85"), HasSubstr(beyond));
  EXPECT_THAT(rebuilt("K\x0b", "K\x00\x85"s, "K\x01\x85"), HasSubstr(beyond));
  const std::string huge = "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f";
  EXPECT_THAT(rebuilt("K\x00"s, huge + "K\x02\x86", "K\x00K\x00\x86"s), HasSubstr(beyond));
  EXPECT_THAT(rebuilt("K\x00"s, "K\x03\x85", huge + "\x85"), HasSubstr(beyond));
}

TEST(Pickle, a_tensors_sizes_must_be_numbers_that_no_call_made) {
  EXPECT_THAT(rebuilt("N", ")", ")"), HasSubstr("gives a tensor's offset as None"));
  EXPECT_THAT(rebuilt("K\x00"s, "J\xff\xff\xff\xff\x85", "K\x01\x85"),
              HasSubstr("has the number -1 in a tensor's shape"));
  EXPECT_THAT(rebuilt("K\x00"s, "K\x01\x85", "J\xff\xff\xff\xff\x85"), HasSubstr("in a tensor's strides"));
  EXPECT_THAT(rebuilt("K\x00"s, "K\x01\x85", ")"), HasSubstr("more sizes than strides"));
  EXPECT_THAT(rebuilt("K\x00"s, "cos\ngetpid\n)R\x85", "K\x01\x85"),
              HasSubstr("the result of calling os.getpid, which is never called here in a tensor's shape"));
}

}  // namespace
}  // namespace batchfit::files

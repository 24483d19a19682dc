"""The functions that a ruleset's SQL may call: those of Spark 3.5 that compute from their arguments and nothing else.

Not among them: what runs code (`java_method`, `reflect`), tells of the session, its user or files
(`current_user`, `input_file_name`, `version`), answers differently each time (`rand`, `uuid`), makes rows of its own
(`range`), raises an error with a text of its choice (`raise_error`, `assert_true`) or parses XML, which can name files
(`xpath`). The present time is among them, which a rule on freshness needs.
"""

from __future__ import annotations

_AGGREGATES = """
any any_value approx_count_distinct approx_percentile array_agg avg bit_and bit_or bit_xor bool_and bool_or
collect_list collect_set corr count count_if covar_pop covar_samp every first first_value grouping grouping_id
histogram_numeric kurtosis last last_value max max_by mean median min min_by mode percentile percentile_approx
percentile_cont percentile_disc regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy
regr_syy skewness some std stddev stddev_pop stddev_samp sum try_avg try_sum var_pop var_samp variance
"""
_WINDOWS = "cume_dist dense_rank lag lead nth_value ntile percent_rank rank row_number"
_CHOICES = "coalesce equal_null greatest if ifnull isnan isnotnull isnull least nanvl nullif nvl nvl2"
_NUMBERS = """
abs acos acosh asin asinh atan atan2 atanh bin bit_count bit_get bround cbrt ceil ceiling conv cos cosh cot csc
degrees e exp expm1 factorial floor getbit hex hypot ln log log10 log1p log2 mod negative pi pmod positive pow power
radians rint round sec shiftleft shiftright shiftrightunsigned sign signum sin sinh sqrt tan tanh to_number try_add
try_divide try_multiply try_subtract try_to_number unhex width_bucket
"""
_STRINGS = """
ascii base64 bit_length btrim char char_length character_length chr concat concat_ws contains crc32 decode
elt encode endswith find_in_set format_number format_string hash initcap instr lcase left len length levenshtein
locate lower lpad ltrim luhn_check mask md5 octet_length overlay parse_url position printf regexp regexp_count
regexp_extract regexp_extract_all regexp_instr regexp_like regexp_replace regexp_substr repeat replace reverse right
rlike rpad rtrim sentences sha sha1 sha2 soundex space split split_part startswith substr substring substring_index
to_binary to_char to_varchar translate trim try_to_binary ucase unbase64 upper url_decode url_encode xxhash64
"""
_TIMES = """
add_months convert_timezone curdate current_date current_timestamp current_timezone date date_add date_diff
date_format date_from_unix_date date_part date_sub date_trunc dateadd datediff datepart day dayofmonth dayofweek
dayofyear extract from_unixtime from_utc_timestamp hour last_day localtimestamp make_date make_dt_interval
make_interval make_timestamp make_timestamp_ltz make_timestamp_ntz make_ym_interval minute month months_between
next_day now quarter second timestamp timestamp_micros timestamp_millis timestamp_seconds timestampadd timestampdiff
to_date to_timestamp to_timestamp_ltz to_timestamp_ntz to_unix_timestamp to_utc_timestamp trunc try_to_timestamp
unix_date unix_micros unix_millis unix_seconds unix_timestamp weekday weekofyear year
"""
_NESTED = """
aggregate array array_append array_compact array_contains array_distinct array_except array_insert array_intersect
array_join array_max array_min array_position array_prepend array_remove array_repeat array_size array_sort
array_union arrays_overlap arrays_zip cardinality element_at exists filter flatten forall get map map_concat
map_contains_key map_entries map_filter map_from_arrays map_from_entries map_keys map_values map_zip_with named_struct
reduce sequence size slice sort_array str_to_map struct transform transform_keys transform_values try_element_at
zip_with
"""
_TEXTS = """
from_csv from_json get_json_object json_array_length json_object_keys json_tuple schema_of_csv schema_of_json to_csv
to_json
"""
_TYPES = "bigint binary boolean cast decimal double float int smallint string tinyint try_cast typeof"
_OF_LISTS = "explode explode_outer inline inline_outer posexplode posexplode_outer"

GENERATORS = frozenset(_OF_LISTS.split())
"""Those that make rows of a list or a map, also in LATERAL VIEW."""

FUNCTIONS = (
    frozenset(" ".join((_AGGREGATES, _WINDOWS, _CHOICES, _NUMBERS, _STRINGS, _TIMES, _NESTED, _TEXTS, _TYPES)).split())
    | GENERATORS
)
"""All of them, in lower case."""

WITHOUT_PARENTHESES = frozenset({"current_date", "current_timestamp", "localtimestamp"})

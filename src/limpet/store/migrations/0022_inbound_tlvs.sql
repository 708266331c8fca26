-- What carriers say of people's texts beyond the text: TLVs that Limpet has no use for, tag to value in hexadecimal digits.

ALTER TABLE message ADD COLUMN tlvs jsonb;              -- of inbound messages; NULL: there were none
ALTER TABLE inbound_text ADD COLUMN tlvs jsonb NOT NULL DEFAULT '{}';  -- of the parts that have come

CREATE TABLE public.access_keys (
    access_key_id character varying(128) NOT NULL,
    name character varying(255) NOT NULL,
    sealed_secret bytea NOT NULL,
    created_at bigint NOT NULL,
    revoked_at bigint
);
CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.collections (
    key bigint NOT NULL,
    id character varying(255) NOT NULL,
    face_model character varying(255) NOT NULL,
    created_at bigint NOT NULL,
    tags json NOT NULL,
    index_name character varying(16) DEFAULT 'embedded'::character varying NOT NULL
);
CREATE SEQUENCE public.collections_key_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.collections_key_seq OWNED BY public.collections.key;
CREATE TABLE public.faces (
    key bigint NOT NULL,
    collection_key bigint NOT NULL,
    face_id character varying(36) NOT NULL,
    image_id character varying(36) NOT NULL,
    external_image_id character varying(255),
    "left" double precision NOT NULL,
    top double precision NOT NULL,
    width double precision NOT NULL,
    height double precision NOT NULL,
    confidence double precision NOT NULL,
    created_at bigint NOT NULL,
    embedding bytea NOT NULL
);
CREATE SEQUENCE public.faces_key_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.faces_key_seq OWNED BY public.faces.key;
CREATE TABLE public.identity (
    id character varying(36) NOT NULL
);
CREATE TABLE public.index_moves (
    collection_key bigint NOT NULL,
    index_name character varying(16) NOT NULL,
    faces bigint NOT NULL,
    users bigint NOT NULL
);
CREATE TABLE public.index_positions (
    index_name character varying(16) NOT NULL,
    track character varying(16) NOT NULL,
    identity character varying(64) NOT NULL,
    journal bigint NOT NULL,
    key bigint NOT NULL,
    moment bigint NOT NULL
);
CREATE TABLE public.memberships (
    face_key bigint NOT NULL,
    user_key bigint NOT NULL
);
CREATE TABLE public.receipts (
    access_key_id character varying(128) NOT NULL,
    operation character varying(64) NOT NULL,
    token character varying(64) NOT NULL,
    fingerprint character varying(64) NOT NULL,
    answer json NOT NULL,
    created_at bigint NOT NULL
);
CREATE TABLE public.removals (
    seq bigint NOT NULL,
    collection_key bigint NOT NULL,
    face_key bigint,
    user_vector_key bigint,
    index_name character varying(16)
);
CREATE SEQUENCE public.removals_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.removals_seq_seq OWNED BY public.removals.seq;
CREATE TABLE public.sources (
    collection_key bigint NOT NULL,
    path bytea NOT NULL,
    size bigint NOT NULL,
    modified_ns bigint NOT NULL,
    image_id character varying(36),
    outcome text NOT NULL
);
CREATE TABLE public.user_vectors (
    key bigint NOT NULL,
    collection_key bigint NOT NULL,
    user_key bigint NOT NULL,
    embedding bytea NOT NULL
);
CREATE SEQUENCE public.user_vectors_key_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.user_vectors_key_seq OWNED BY public.user_vectors.key;
CREATE TABLE public.users (
    key bigint NOT NULL,
    collection_key bigint NOT NULL,
    user_id character varying(128) NOT NULL,
    created_at bigint NOT NULL
);
CREATE SEQUENCE public.users_key_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.users_key_seq OWNED BY public.users.key;
ALTER TABLE ONLY public.collections ALTER COLUMN key SET DEFAULT nextval('public.collections_key_seq'::regclass);
ALTER TABLE ONLY public.faces ALTER COLUMN key SET DEFAULT nextval('public.faces_key_seq'::regclass);
ALTER TABLE ONLY public.removals ALTER COLUMN seq SET DEFAULT nextval('public.removals_seq_seq'::regclass);
ALTER TABLE ONLY public.user_vectors ALTER COLUMN key SET DEFAULT nextval('public.user_vectors_key_seq'::regclass);
ALTER TABLE ONLY public.users ALTER COLUMN key SET DEFAULT nextval('public.users_key_seq'::regclass);
INSERT INTO public.access_keys VALUES ('AKIDEXAMPLE', 'somebody', '\x7365616c6564', 1767323045000000, NULL);
INSERT INTO public.alembic_version VALUES ('0004');
INSERT INTO public.collections VALUES (1, 'staff', 'face-model-1', 1767323045000000, '{"site": "north"}', 'milvus');
INSERT INTO public.collections VALUES (2, 'guests', 'face-model-1', 1767323045000000, '{}', 'embedded');
INSERT INTO public.faces VALUES (1, 1, '00000000-0000-0000-0000-000000000000', '00000000-0000-0000-0000-0000000003e8', 'picture-0', 0.1, 0.2, 0.3, 0.4, 99.5, 1767323045000000, '\x4d3634b57d33dc366124152ea2b67736a62e01b05033fdaee1aa01b2f52f0e2f');
INSERT INTO public.faces VALUES (2, 1, '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-0000000003e9', 'picture-1', 0.1, 0.2, 0.3, 0.4, 99.5, 1767323045000000, '\xa932152b2729e6a0ed340b343a38343550b5cd2f67ad0b3852aae6ad5829cb2d');
INSERT INTO public.faces VALUES (3, 1, '00000000-0000-0000-0000-000000000002', '00000000-0000-0000-0000-0000000003ea', 'picture-2', 0.1, 0.2, 0.3, 0.4, 99.5, 1767323045000000, '\xa72f1caf2cb104b4892cadb436ae50223d3102a4c32c37313eb3f127f2b739b9');
INSERT INTO public.faces VALUES (4, 1, '00000000-0000-0000-0000-000000000003', '00000000-0000-0000-0000-0000000003eb', 'picture-3', 0.1, 0.2, 0.3, 0.4, 99.5, 1767323045000000, '\xfd365bace1b435aa52b689b86bb06f31a6ac6127693403b04e30b0325d2ac6b0');
INSERT INTO public.faces VALUES (8, 2, '00000000-0000-0000-0000-000000000032', '00000000-0000-0000-0000-00000000041a', 'picture-50', 0.1, 0.2, 0.3, 0.4, 99.5, 1767323045000000, '\xc43781ad5ea94b2f10ae0ab2d3b6d3a9db32c6301e3517b4d9b10837d0282933');
INSERT INTO public.faces VALUES (9, 2, '00000000-0000-0000-0000-000000000033', '00000000-0000-0000-0000-00000000041b', 'picture-51', 0.1, 0.2, 0.3, 0.4, 99.5, 1767323045000000, '\x712ebdaee7b4b4308f3251ae0da0122ff2b5a5b26934f8b238ad0db3673121b9');
INSERT INTO public.faces VALUES (10, 2, '00000000-0000-0000-0000-000000000034', '00000000-0000-0000-0000-00000000041c', 'picture-52', 0.1, 0.2, 0.3, 0.4, 99.5, 1767323045000000, '\x0ab4262e292dbd2f0fa4ce2d322d64316234a52f493684364436cfb572b6d42c');
INSERT INTO public.faces VALUES (11, 2, '00000000-0000-0000-0000-000000000035', '00000000-0000-0000-0000-00000000041d', 'picture-53', 0.1, 0.2, 0.3, 0.4, 99.5, 1767323045000000, '\x0636bc3401306433a9b564b6b6b44f25bab186aa5f34432e1a3110b2493479b4');
INSERT INTO public.faces VALUES (12, 2, '00000000-0000-0000-0000-000000000036', '00000000-0000-0000-0000-00000000041e', 'picture-54', 0.1, 0.2, 0.3, 0.4, 99.5, 1767323045000000, '\x243020b455336e34a83079b2edb26fb62834712f6bb11ab77caab5b5cf339db0');
INSERT INTO public.faces VALUES (13, 2, '00000000-0000-0000-0000-000000000037', '00000000-0000-0000-0000-00000000041f', 'picture-55', 0.1, 0.2, 0.3, 0.4, 99.5, 1767323045000000, '\x3d3452b52aa7bd38bcb0802ad9a7c633303475b4cfb414350428b62ed9b17d25');
INSERT INTO public.faces VALUES (14, 2, '00000000-0000-0000-0000-000000000038', '00000000-0000-0000-0000-000000000420', 'picture-56', 0.1, 0.2, 0.3, 0.4, 99.5, 1767323045000000, '\xc53614a57e322fb8aab45badaf2a51b63f3067ad252f3e2e7e32bc30cf2a0bb6');
INSERT INTO public.faces VALUES (15, 2, '00000000-0000-0000-0000-000000000039', '00000000-0000-0000-0000-000000000421', 'picture-57', 0.1, 0.2, 0.3, 0.4, 99.5, 1767323045000000, '\x1eb381b217b043311137012830ab82b155ad7dab34a41b23fa32fab93cb019ab');
INSERT INTO public.faces VALUES (16, 2, '00000000-0000-0000-0000-00000000003a', '00000000-0000-0000-0000-000000000422', 'picture-58', 0.1, 0.2, 0.3, 0.4, 99.5, 1767323045000000, '\xc2b0302ce0b4742c3531da2fdb34b2b38f343f34d2b71db568a31832112e1fb6');
INSERT INTO public.faces VALUES (17, 2, '00000000-0000-0000-0000-00000000003b', '00000000-0000-0000-0000-000000000423', 'picture-59', 0.1, 0.2, 0.3, 0.4, 99.5, 1767323045000000, '\xc2ac90b412b484b411b1562d6a2e93b0b732ad350e28aa26f7b0d12fc3b25fb9');
INSERT INTO public.identity VALUES ('a0d2b671-942f-4cf9-8be2-2e3ac02dbbbf');
INSERT INTO public.index_moves VALUES (2, 'milvus', 15, 0);
INSERT INTO public.index_positions VALUES ('milvus', 'users', 'the-users-index', 7, 6, 3);
INSERT INTO public.index_positions VALUES ('milvus', 'faces', 'the-faces-index', 7, 17, 4);
INSERT INTO public.memberships VALUES (1, 1);
INSERT INTO public.memberships VALUES (2, 1);
INSERT INTO public.memberships VALUES (8, 2);
INSERT INTO public.receipts VALUES ('AKIDEXAMPLE', 'IndexFaces', 'token-1', 'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff', '{"FaceModelVersion": "face-model-1"}', 1767323045000000);
INSERT INTO public.removals VALUES (1, 1, NULL, 1, NULL);
INSERT INTO public.removals VALUES (2, 1, NULL, 2, NULL);
INSERT INTO public.removals VALUES (3, 2, NULL, 4, NULL);
INSERT INTO public.removals VALUES (4, 2, NULL, 5, NULL);
INSERT INTO public.removals VALUES (5, 1, 5, NULL, NULL);
INSERT INTO public.removals VALUES (6, 3, NULL, NULL, NULL);
INSERT INTO public.removals VALUES (7, 2, NULL, NULL, 'milvus');
INSERT INTO public.sources VALUES (1, '\x2f70696374757265732f6f6e652e6a7067', 123, 456, '00000000-0000-0000-0000-0000000003e8', '1 face');
INSERT INTO public.user_vectors VALUES (3, 1, 1, '\xa9b1032bea376237a1267331f02d412e433510b027b2d02c53b758ae41b46dab');
INSERT INTO public.user_vectors VALUES (6, 2, 2, '\xa9b1032bea376237a1267331f02d412e433510b027b2d02c53b758ae41b46dab');
INSERT INTO public.users VALUES (1, 1, 'ada', 1767323045000000);
INSERT INTO public.users VALUES (2, 2, 'bea', 1767323045000000);
SELECT pg_catalog.setval('public.collections_key_seq', 3, true);
SELECT pg_catalog.setval('public.faces_key_seq', 17, true);
SELECT pg_catalog.setval('public.removals_seq_seq', 7, true);
SELECT pg_catalog.setval('public.user_vectors_key_seq', 6, true);
SELECT pg_catalog.setval('public.users_key_seq', 2, true);
ALTER TABLE ONLY public.access_keys
    ADD CONSTRAINT access_keys_pk PRIMARY KEY (access_key_id);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.collections
    ADD CONSTRAINT collections_id_unique UNIQUE (id);
ALTER TABLE ONLY public.collections
    ADD CONSTRAINT collections_pk PRIMARY KEY (key);
ALTER TABLE ONLY public.faces
    ADD CONSTRAINT faces_collection_key_face_id_unique UNIQUE (collection_key, face_id);
ALTER TABLE ONLY public.faces
    ADD CONSTRAINT faces_pk PRIMARY KEY (key);
ALTER TABLE ONLY public.identity
    ADD CONSTRAINT identity_pk PRIMARY KEY (id);
ALTER TABLE ONLY public.index_moves
    ADD CONSTRAINT index_moves_pk PRIMARY KEY (collection_key);
ALTER TABLE ONLY public.index_positions
    ADD CONSTRAINT index_positions_pk PRIMARY KEY (index_name, track);
ALTER TABLE ONLY public.memberships
    ADD CONSTRAINT memberships_pk PRIMARY KEY (face_key);
ALTER TABLE ONLY public.receipts
    ADD CONSTRAINT receipts_pk PRIMARY KEY (access_key_id, operation, token);
ALTER TABLE ONLY public.removals
    ADD CONSTRAINT removals_pk PRIMARY KEY (seq);
ALTER TABLE ONLY public.sources
    ADD CONSTRAINT sources_pk PRIMARY KEY (collection_key, path);
ALTER TABLE ONLY public.user_vectors
    ADD CONSTRAINT user_vectors_pk PRIMARY KEY (key);
ALTER TABLE ONLY public.user_vectors
    ADD CONSTRAINT user_vectors_user_key_unique UNIQUE (user_key);
ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_collection_key_user_id_unique UNIQUE (collection_key, user_id);
ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pk PRIMARY KEY (key);
CREATE INDEX faces_by_collection_key_key ON public.faces USING btree (collection_key, key);
CREATE INDEX memberships_by_user_key ON public.memberships USING btree (user_key);
CREATE INDEX receipts_by_created_at ON public.receipts USING btree (created_at);
CREATE INDEX sources_by_collection_key_image_id ON public.sources USING btree (collection_key, image_id);
CREATE INDEX user_vectors_by_collection_key_key ON public.user_vectors USING btree (collection_key, key);
CREATE INDEX users_by_collection_key_key ON public.users USING btree (collection_key, key);
ALTER TABLE ONLY public.faces
    ADD CONSTRAINT faces_collection_key_fk FOREIGN KEY (collection_key) REFERENCES public.collections(key) ON DELETE CASCADE;
ALTER TABLE ONLY public.index_moves
    ADD CONSTRAINT index_moves_collection_key_fk FOREIGN KEY (collection_key) REFERENCES public.collections(key) ON DELETE CASCADE;
ALTER TABLE ONLY public.memberships
    ADD CONSTRAINT memberships_face_key_fk FOREIGN KEY (face_key) REFERENCES public.faces(key) ON DELETE CASCADE;
ALTER TABLE ONLY public.memberships
    ADD CONSTRAINT memberships_user_key_fk FOREIGN KEY (user_key) REFERENCES public.users(key) ON DELETE CASCADE;
ALTER TABLE ONLY public.sources
    ADD CONSTRAINT sources_collection_key_fk FOREIGN KEY (collection_key) REFERENCES public.collections(key) ON DELETE CASCADE;
ALTER TABLE ONLY public.user_vectors
    ADD CONSTRAINT user_vectors_collection_key_fk FOREIGN KEY (collection_key) REFERENCES public.collections(key) ON DELETE CASCADE;
ALTER TABLE ONLY public.user_vectors
    ADD CONSTRAINT user_vectors_user_key_fk FOREIGN KEY (user_key) REFERENCES public.users(key) ON DELETE CASCADE;
ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_collection_key_fk FOREIGN KEY (collection_key) REFERENCES public.collections(key) ON DELETE CASCADE;
